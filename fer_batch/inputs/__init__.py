"""From what the user names to recordings."""
