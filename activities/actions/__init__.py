"""One file per action; dropping in another one is all it takes to add it."""
