"""Faces: detection, tracking through time, registration."""
