"""What can go wrong, said for the person who meets it."""

import zipfile

UNREADABLE = (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile)
"""What reading an .npz raises when it is missing, cut short, empty, something else, or lacks an array."""


class HeadroomError(Exception):
    """Base of every error the add-on raises on purpose; the message says what happened and what to do."""


class InputError(HeadroomError):
    """Something the user gave cannot be used."""


class Cancelled(HeadroomError):
    """The user asked to stop."""
