"""How much memory does the gradient of a long recurrence need?"""
