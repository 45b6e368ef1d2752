"""Controls with names: the 52 ARKit shapes as directions in the space of a face model."""
