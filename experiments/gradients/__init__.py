"""How gradients fare over time, before and after training."""
