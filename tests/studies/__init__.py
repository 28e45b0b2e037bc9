"""Studies of many recordings, and what is measured on them."""
