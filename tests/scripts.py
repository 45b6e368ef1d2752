"""Stand-ins for programs, as scripts that tests write."""

import sys

PYTHON = f"""#!/bin/sh
'''exec' "{sys.executable}" "$0" "$@"
'''
"""
"""First lines of a script that this Python runs. A #! line alone cannot hold a path with spaces."""
