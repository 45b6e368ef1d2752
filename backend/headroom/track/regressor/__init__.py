"""The regressor: a network that predicts all coefficients from one picture, and its training."""
