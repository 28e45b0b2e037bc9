"""Runs of the commands that take long."""
