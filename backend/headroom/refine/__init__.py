"""The refiner: a network that turns the render of a face over its plate into a photo (paper, section 3.4)."""
