"""Recordings: reading frames with their times, and writing annotated video."""
