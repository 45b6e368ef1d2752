"""The program that tests start: the real server over the fake pipeline."""

import argparse

from headroom.server.serve import serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--exit-with-parent", type=int)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    serve(port=given.port, exit_with_parent=given.exit_with_parent, pipeline="fake_pipeline")
