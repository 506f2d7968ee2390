"""Conversations with contacts: channels, their threads, the tickets they open, and mail that colleagues send."""
