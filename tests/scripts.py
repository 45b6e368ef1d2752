"""Programs that tests write in place of others."""

import sys

PYTHON = f"""#!/bin/sh
'''exec' "{sys.executable}" "$0" "$@"
'''
"""
"""First lines of a program that this Python runs, wherever it lies: a #! line cannot hold a path with spaces."""
