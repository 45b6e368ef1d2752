"""Speech to motion.

Each sub-package builds on those before: `audio` extracts features, `style` measures and replays what speech does not
determine, `model` maps features to motion. `predict`, `retarget` and `controls` use a model, `train` makes one.
"""
