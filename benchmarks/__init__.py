"""Figures of the writer and of the cold starts, each against a baseline of the same session on the same disk."""
