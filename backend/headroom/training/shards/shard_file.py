"""The tar file of a shard, written and read with webdataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from headroom.common.errors import InputError
from headroom.common.stored import Damaged, parsing
from headroom.training.shards.clip import ShardClip


def write_shard(path: Path, clips: Iterable[tuple[int, ShardClip]], number: int) -> None:
    """Write the clips of shard `number`, with their places in its manifest, one at a time."""
    from webdataset import TarWriter

    with open(path, "wb") as file, TarWriter(file, mtime=0, encoder=False) as writer:
        for index, clip in clips:
            writer.write(clip.members(f"{number:06d}-{index:05d}"))


def read_shard(path: Path) -> Iterator[ShardClip]:
    """Yield the clips of a shard, read from its beginning to its end; InputError when the file is damaged."""
    from webdataset.tariterators import group_by_keys, tar_file_expander

    try:
        with parsing(path), open(path, "rb") as file:  # opened here, because webdataset takes names for addresses
            for members in group_by_keys(tar_file_expander([{"url": path.name, "stream": file}])):
                yield ShardClip.of_members(members, path)
    except Damaged as error:
        raise InputError(f"{path} cannot be read; remove it and prepare the corpus again.") from error
