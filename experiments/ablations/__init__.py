"""What the parts of a model and of its training are worth, one change at a time."""
