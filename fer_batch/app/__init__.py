"""The web page for those who never open a terminal (optional extra ``app``)."""
