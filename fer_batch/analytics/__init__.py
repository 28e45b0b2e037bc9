"""Tables computed from finished timelines."""
