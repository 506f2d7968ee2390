"""Durable shells: a clock and a mailbox. Every judgement is an activity."""
