"""The claims the product makes, held by running its real parts."""
