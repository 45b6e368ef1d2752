"""Speech to motion: audio features, speaker style, the mapping between them, prediction and training."""
