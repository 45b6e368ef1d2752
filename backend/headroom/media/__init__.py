"""Video, sound and images: files to arrays and back."""
