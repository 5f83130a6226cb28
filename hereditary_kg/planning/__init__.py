"""Floor 4: from a query's algebra to a physical plan over the members."""
