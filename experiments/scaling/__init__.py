"""How the loss of a language model falls with parameters, with tokens, and with context."""
