"""The program that tests start: the real server over the fake pipeline."""

import argparse
from pathlib import Path

from headroom.server.serve import ServeOptions, serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--exit-with-parent", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", dest="encrypted", action="store_true")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--limits", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--drain-seconds", type=float, default=0.0)
    serve(ServeOptions(**vars(parser.parse_args()), pipeline="fake_pipeline"))
