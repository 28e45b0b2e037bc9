"""Emotion classification of registered faces."""
