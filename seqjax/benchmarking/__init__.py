"""What times models and operations, and what it needs to know of a compiled program."""
