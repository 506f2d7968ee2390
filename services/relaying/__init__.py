"""What a change leads to: judging it, passing it on, and the sweeps of what time alone changes."""
