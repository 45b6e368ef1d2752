"""Reading shards with webdataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headroom.common.errors import InputError
from headroom.common.stored import Damaged, parsing
from headroom.training.shards.clip import ShardClip


def read_shard(path: Path) -> Iterator[ShardClip]:
    """Yield the clips of a shard, read from its beginning to its end; InputError when the file is damaged."""
    from webdataset.tariterators import group_by_keys, tar_file_expander

    try:
        with parsing(path), open(path, "rb") as file:  # opened here, because webdataset takes names for addresses
            for members in group_by_keys(tar_file_expander([{"url": path.name, "stream": file}])):
                yield ShardClip.of_members(members, path)
    except Damaged as error:
        raise InputError(f"{path} cannot be read; remove it and prepare the corpus again.") from error
