"""What arrives from outside: events and inbound webhooks."""
