"""Many recordings into one output folder: what there is to do, and who does it."""
