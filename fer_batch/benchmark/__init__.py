"""Measuring fer-batch."""
