"""What recurrences reach on a GPU."""
