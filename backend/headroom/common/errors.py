"""What can go wrong, said for the person who meets it."""


class HeadroomError(Exception):
    """Base of every error Headroom raises on purpose; the message says what happened and what to do."""


class InputError(HeadroomError):
    """Something the user gave cannot be used. The command line exits with code 2."""


class Cancelled(HeadroomError):
    """The user asked to stop; nothing half-written is left behind."""
