"""The package version, read by the build and stored with every result."""

__version__ = "0.1.0"

RESULTS_VERSION = 1
"""Raised by hand when the same recording and settings give other values; results without one count as 0."""
