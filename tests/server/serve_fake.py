"""The real server over the fake pipeline; run as a program by the tests."""

import argparse

from headroom.server.serve import serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--exit-with-parent", type=int)
    serve(exit_with_parent=parser.parse_args().exit_with_parent, pipeline="fake_pipeline")
