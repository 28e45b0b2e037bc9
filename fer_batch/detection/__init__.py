"""Face detection: where in a picture the faces are."""
