"""Which mixer is the fastest, by length, batch, width and device."""
