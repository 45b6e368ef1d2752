"""The output of a shot: rendered frames, the refined movie and its strip."""
