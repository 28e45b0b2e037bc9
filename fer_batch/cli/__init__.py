"""The command line: parses, hands over, and turns errors into one sentence and an exit status."""
