"""Damaged and forged files: none may end a run, change the results of others or take a machine's memory."""
