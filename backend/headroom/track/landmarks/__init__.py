"""Facial landmarks in pictures."""
