"""Static and dynamic lists, and what keeps them current."""
