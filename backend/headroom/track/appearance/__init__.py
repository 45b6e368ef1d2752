"""Appearance of the tracked person: light, texture coefficients and albedo texture."""
