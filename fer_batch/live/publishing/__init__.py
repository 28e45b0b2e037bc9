"""Annotated video sent to a media server."""
