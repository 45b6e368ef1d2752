"""A disk that fills up while arrays are written: one sentence with the user's path, and nothing that stays."""

import gc
from contextlib import contextmanager

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.common.files import atomic_files, atomic_folder
from headroom.common.stored import write_npz

resource = pytest.importorskip("resource")  # there is none on Windows
NAMES = ("subject.toml", "track.npz")


@contextmanager
def small_disk():
    """Let no file grow beyond ten kilobytes; not a fixture, because pytest's own output may be a larger file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_that_do_not_fit_are_told_in_a_sentence(tmp_path, capfd, exists, compressed):
    folder = tmp_path / "robin"
    if exists:
        folder.mkdir()
        (folder / "subject.toml").write_text("old")
    values = np.random.default_rng(0).normal(size=10_000)
    with small_disk(), pytest.raises(InputError) as raised, atomic_files(folder, NAMES) as temporary:
        write_npz(temporary / "track.npz", {"values": values}, compressed)
    assert str(raised.value) == (
        f"Cannot write {folder / 'track.npz'}: File too large. Free some disk space or choose another folder.")
    assert [path.name for path in tmp_path.rglob("*")] == (["robin", "subject.toml"] if exists else [])
    del raised
    gc.collect()
    assert capfd.readouterr().err == ""


def test_a_path_in_a_folder_that_is_replaced_is_told_as_the_user_knows_it(tmp_path):
    with pytest.raises(InputError, match=rf"Cannot write {tmp_path}/new one/takes/a\.npz: "):
        with small_disk(), atomic_folder(tmp_path / "new one") as temporary:
            write_npz(temporary / "takes" / "a.npz", {"values": np.ones(10_000)})
    assert list(tmp_path.iterdir()) == []
