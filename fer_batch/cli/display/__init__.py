"""What the terminal, log files and programs are shown."""
