"""The page on which mappings are reviewed, and what serves it."""
