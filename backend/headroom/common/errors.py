"""The errors that Headroom raises on purpose; their messages are written for the user."""


class HeadroomError(Exception):
    """Base of the errors that Headroom raises on purpose; the message says what happened and what to do."""


class InputError(HeadroomError):
    """Something that the user gave cannot be used. The command line exits with code 2."""


class Cancelled(HeadroomError):
    """The user stopped the work; nothing half-written is left behind."""
