"""Whether what Newton's method returns is what the sequential loop would have returned."""
