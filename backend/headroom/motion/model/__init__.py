"""The mapping from feature windows to motion: networks, ridge regression, and the file that holds them."""
