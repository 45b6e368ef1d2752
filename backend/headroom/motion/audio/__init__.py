"""Feature extraction: windows of mel spectra and phone posteriors from speech."""
