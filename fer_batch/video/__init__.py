"""Recordings: frames with their times, and where shots change."""
