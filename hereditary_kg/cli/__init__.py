"""Floor 8: the hkg command line."""
