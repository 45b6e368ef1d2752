"""Errors that the add-on raises on purpose. Each message states what happened and what the user can do."""


class HeadroomError(Exception):
    """Base class of the add-on's own errors.

    The first argument is the message: a constant, or `core.messages.message(…)` where it contains values.
    """


class InputError(HeadroomError):
    """A value, file or folder given by the user cannot be used."""


class Cancelled(HeadroomError):
    """The user cancelled the work."""
