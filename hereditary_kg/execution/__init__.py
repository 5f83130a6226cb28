"""Floor 5: asynchronous operators, answers and their certificates."""
