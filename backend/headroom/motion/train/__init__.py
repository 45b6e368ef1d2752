"""Training of the mapping, for one person and for the general weights."""
