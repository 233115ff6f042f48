"""Figures of the writer and of the cold starts, each against a baseline of the same run on the same disk."""
