"""Every application that the article names, by mixer, at matched parameters."""
