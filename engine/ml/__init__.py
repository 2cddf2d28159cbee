"""Learning: labels, splits, weights, data sets, models and what they are worth, without a look into the future."""
