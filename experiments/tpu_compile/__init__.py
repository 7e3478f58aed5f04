"""Compiling every operation for TPUs."""
