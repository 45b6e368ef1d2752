"""What became of runs of which a process was killed, for the benchmarks that print it."""

from __future__ import annotations

from collections import Counter

from rich.table import Table


def results_table(title: str, results: Counter[str]) -> Table:
    """Return a table of what happened, and how often."""
    table = Table(title=title)
    table.add_column("what")
    table.add_column("times", justify="right")
    for what in sorted(results):
        table.add_row(what, str(results[what]))
    return table
