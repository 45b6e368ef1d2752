"""Feature extraction from speech: vectors of the speech encoder, spectra, phones, loudness."""
