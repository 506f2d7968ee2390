"""Scheduled workflows: their occurrences and the run that opens them."""
