"""Write docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

from . import results


def write(directory: Path) -> str:
    """Return the table of all series."""
    lines = []
    for part in ("requests", "deployments"):
        found = results.load(part, directory)
        for one in found.series if found else ():
            lines.append(f"{one.measure:<34} {one.competitor:<16} {one.median:>10.5g} {one.unit}  {one.spread[0]:.5g}–{one.spread[1]:.5g}")
    return "\n".join(lines)
