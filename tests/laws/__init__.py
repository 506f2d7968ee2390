"""The laws of the house: what no change may break, whoever makes it."""
