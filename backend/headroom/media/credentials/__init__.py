"""Content credentials (C2PA) and XMP: how movies and pictures say what they are, and how files are read for it."""
