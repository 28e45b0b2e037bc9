"""What knows nothing of faces."""
