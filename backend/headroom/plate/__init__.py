"""Plates: the clip's frames that a shot is composited over, matched to its head motion and warped to its poses."""
