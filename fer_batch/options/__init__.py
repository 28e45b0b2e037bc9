"""The options of an analysis, described once for the command line, Python and settings files."""
