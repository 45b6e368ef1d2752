"""Measuring what Headroom makes: learned people against held-out parts of their clips, and tracks."""
