"""The annotated picture in a browser."""
