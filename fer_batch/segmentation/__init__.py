"""Temporal segmentation: episodes of one emotion."""
