"""Frames in, timelines out: the stages of an analysis, chained."""
