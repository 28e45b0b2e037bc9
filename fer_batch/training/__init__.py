"""Training of emotion networks; needs the extra ``train`` except for reading data sets."""
