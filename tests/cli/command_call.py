"""The command line in the process of a test."""

import signal
import sys

import pytest

from headroom.cli import app as command_line


def call(monkeypatch, capsys, *arguments):
    """Run the command line in this process; return exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["headroom", *map(str, arguments)])
    earlier = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end:
            command_line.main()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    output = capsys.readouterr()
    return end.value.code, output.out, output.err
