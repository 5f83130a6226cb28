"""Floor 3: terminologies and mappings, and the conversion of data and of queries by them."""
