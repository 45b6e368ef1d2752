"""Two processes of a distributed training on this machine's CPU."""

import os
import socket
import subprocess
import sys
from pathlib import Path


def start_two(program: str, *arguments: object, beside: str, **variables: str) -> list[subprocess.Popen]:
    """Start a program twice, as ranks 0 and 1.

    beside: file of the test, whose folder's modules the program may import. variables: more of the environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = os.pathsep.join([str(Path(beside).parent), *filter(None, sys.path)])
    environment = os.environ | variables | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                                            "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": paths}
    return [subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)],
                             env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(2)]
