"""The edge of the world inside Temporal: activities and, one file each, actions."""
