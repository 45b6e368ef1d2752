"""Networks that others publish, their weight files, and the weight file of Headroom's own regressor."""
