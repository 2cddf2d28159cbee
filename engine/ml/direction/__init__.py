"""Up or down: the direction of the next session's close of an index or a share, at every time of the day it can be asked."""
