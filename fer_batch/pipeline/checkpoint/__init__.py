"""Checkpoints: what is committed of an unfinished recording, and going on from there."""
