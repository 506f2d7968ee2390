"""What arrives from outside: events, inbound webhooks and mail."""
