"""Use cases shared by API and activities; each takes an open transaction, so its caller decides what is one commit."""
