"""Sample data, how it is mapped, and workflows to look at."""
