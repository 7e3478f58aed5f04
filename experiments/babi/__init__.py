"""bAbI: which mixer answers the questions of which task."""
