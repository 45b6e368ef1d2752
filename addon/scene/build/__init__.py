"""The objects of a shot: root, face, cameras, plates and materials."""
