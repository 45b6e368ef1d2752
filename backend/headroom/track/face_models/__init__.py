"""Face models from tracked people and from users' files."""
