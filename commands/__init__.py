"""What `followthrough …` can do: one module per subject, all of them clients of the API unless they run it."""
