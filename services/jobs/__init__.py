"""Work on many at once: bulk enrollment, leaving and moving, and imports."""
