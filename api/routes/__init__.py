"""One module per kind of thing; each offers a ``router``."""
