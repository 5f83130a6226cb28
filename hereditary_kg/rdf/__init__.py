"""Floor 0: RDF terms, solution sequences as columns, result and graph formats."""
