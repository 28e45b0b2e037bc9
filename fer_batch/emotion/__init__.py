"""Emotions: the seven labels, their colours, and the classifier."""
