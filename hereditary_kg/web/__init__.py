"""Floor 7: the federation's own SPARQL endpoint."""
