"""Puts this folder, with the helpers that tests share, on the import path."""
