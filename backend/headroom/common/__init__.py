"""What all other packages use: errors, files, paths, progress, devices, threads."""
