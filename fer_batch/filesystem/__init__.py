"""What fer-batch does with files and folders, whatever is in them."""
