"""Supervised child processes."""
