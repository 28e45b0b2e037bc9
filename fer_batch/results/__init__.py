"""Files of an output folder: timelines, tracks, episodes and records."""
