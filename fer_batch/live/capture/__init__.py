"""Connections to live sources."""
