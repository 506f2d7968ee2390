"""How a passage ends or is held: reasons, suppression, removal, standing in the way, moving, coming again."""
