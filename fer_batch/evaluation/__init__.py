"""Accuracy of emotion models on labelled faces."""
