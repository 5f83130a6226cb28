"""Floor 2: one site - its store, its profile and its SPARQL service."""
