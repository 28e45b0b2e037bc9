"""The web page in a real browser, each test a visit from its beginning to its end."""
