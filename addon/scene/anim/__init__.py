"""The animation of a shot: takes, live controls, keys, and the speech strip they follow."""
