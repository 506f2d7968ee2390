"""Who enters and why not: triggers that fire, decisions, enrollment by hand."""
