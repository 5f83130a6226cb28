"""Floor 6: link-prediction models trained across sites, whose triples stay where they are."""
