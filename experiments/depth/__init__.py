"""How many steps of each form of a recurrence wait for one another."""
