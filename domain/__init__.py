"""What the product means: rules as pure functions and frozen models, without clock, randomness or IO."""
