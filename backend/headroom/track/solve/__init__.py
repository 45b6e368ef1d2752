"""Solvers: least-squares fits of the face model to landmarks and pictures."""
