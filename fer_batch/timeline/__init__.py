"""Timelines on disk: their schema and layout, the sinks that write them, reading them back."""
