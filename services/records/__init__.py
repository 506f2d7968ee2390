"""Records, how they are linked and merged, their schema, and what they are subscribed to."""
