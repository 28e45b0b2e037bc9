"""Identity of faces through time."""
