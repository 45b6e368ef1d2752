"""The head of a subject as files for other programs."""
