"""What the system and libraries raise becomes one sentence; mistakes in the program stay as they are."""

import errno

import av
import cv2
import numpy as np
import pytest
import torch

from headroom.common.errors import HeadroomError, InputError
from headroom.common.failures import explain_failures, explained


def raised(function):
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def closing_after_a_full_disk():
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    finally:
        raise ValueError("seek of closed file")


def fill_with_numpy():
    with open("/dev/full", "w") as file:
        np.zeros(2**20).tofile(file)


FAILURES = {
    "a full disk": (lambda: raised(lambda: open("/dev/full", "w", buffering=1).write("x\n")),
                    InputError, r"The disk is full \(a temporary file\)\. Free some disk space and try again\."),
    "a full disk that zipfile hides": (lambda: raised(closing_after_a_full_disk), InputError, "The disk is full"),
    "a full disk that numpy meets": (lambda: raised(fill_with_numpy), InputError, "The disk is full"),
    "a missing file": (lambda: raised(lambda: open("/no/such/file")), InputError, "/no/such/file does not exist"),
    "no permission": (lambda: PermissionError(errno.EACCES, "Permission denied", "/secret"), InputError,
                      "Cannot use /secret: Permission denied. Check its permissions, or choose another file"),
    "a folder": (lambda: raised(lambda: open("/")), InputError, "Cannot use /: Is a directory"),
    "a closed pipe": (lambda: BrokenPipeError(errno.EPIPE, "Broken pipe"), HeadroomError,
                      "The system refused a file or a connection: Broken pipe. Run `headroom doctor`"),
    "a broken movie": (lambda: av.error.InvalidDataError(1, "Invalid data", "x.mp4"), InputError,
                       "A sound or video file cannot be read or written: .*Export it again, or choose another file"),
    "too much for numpy": (lambda: raised(lambda: np.zeros(2**50)), HeadroomError, "Memory ran out"),
    "too much for torch": (lambda: raised(lambda: torch.empty(2**60)), HeadroomError, "Memory ran out"),
    "too much for OpenCV": (lambda: raised(lambda: cv2.resize(np.zeros((2, 2), np.uint8), (2**31 - 1, 2**31 - 1))),
                            HeadroomError, "Memory ran out"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_a_sentence_from_the_original(name):
    make, kind, words = FAILURES[name]
    original = make()
    with pytest.raises(HeadroomError, match=words) as told, explain_failures():
        raise original
    assert isinstance(told.value, kind) and told.value.__cause__ is original and "\n" not in str(told.value)


@pytest.mark.parametrize("error", [TypeError("a mistake"), KeyError("x"), ValueError("shapes differ"),
                                   RuntimeError("shapes differ"), InputError("Ours. Choose another."),
                                   KeyboardInterrupt()], ids=repr)
def test_mistakes_and_our_own_errors_stay_as_they_are(error):
    assert explained(error) is None
    with pytest.raises(type(error)) as same, explain_failures():
        raise error
    assert same.value is error
