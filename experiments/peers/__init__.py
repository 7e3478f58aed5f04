"""The article's train step in other frameworks, each a program of its own."""
