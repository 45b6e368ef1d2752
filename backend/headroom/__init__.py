"""Headroom: a person's clip and a speech recording in, an editable performance and a photoreal shot out."""

__version__ = "0.1.0"
