"""Floor 1: SPARQL text to algebra and back."""
