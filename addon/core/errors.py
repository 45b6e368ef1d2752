"""What can go wrong, said for the person who meets it."""


class HeadroomError(Exception):
    """Base of every error the add-on raises on purpose; the message says what happened and what to do."""


class InputError(HeadroomError):
    """Something the user gave cannot be used."""


class Cancelled(HeadroomError):
    """The user asked to stop."""
