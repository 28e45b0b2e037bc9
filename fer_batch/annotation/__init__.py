"""Annotated copies of recordings."""
