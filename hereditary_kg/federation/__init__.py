"""Floor 2: a federation's members and how to reach them."""
