"""One page of all experiments."""
