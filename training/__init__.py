"""Training of the miniature model on pictures that this package draws."""
