"""Speaker style: what is measured of one person and replayed, because speech does not determine it."""
