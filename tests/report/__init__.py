"""The report, and what it is made of in tests."""
