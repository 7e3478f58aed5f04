"""What rows say of claims: pure functions of the committed rows, one module a subject."""
