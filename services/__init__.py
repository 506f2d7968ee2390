"""Use cases shared by the API and the activities; each takes an open transaction, so its caller decides what is one commit."""
