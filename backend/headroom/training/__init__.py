"""Training of the general weights from data sets of people speaking."""
