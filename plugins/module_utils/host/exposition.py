# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prometheus' text format (Prometheus manual, "Exposition formats")."""

from __future__ import annotations

import typing as t

from .shown import excerpt

_MOST_LABEL = 100
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Metric(t.NamedTuple):
    """A name, what is measured, and ``counter`` or ``gauge``."""

    name: str
    help: str
    kind: str


class Sample(t.NamedTuple):
    """A value of a metric. Label values may be any text; long ones are cut."""

    metric: Metric
    labels: t.Mapping[str, str]
    value: float


def render(samples: t.Iterable[Sample]) -> str:
    """Return samples as text, those of one metric together, as the format wants them."""
    found: dict[Metric, list[str]] = {}
    for sample in samples:
        found.setdefault(sample.metric, []).append(f"{sample.metric.name}{_labels(sample.labels)} {sample.value:.17g}")
    return "".join(
        f"# HELP {metric.name} {metric.help.translate(_ESCAPED)}\n# TYPE {metric.name} {metric.kind}\n" + "\n".join(lines) + "\n"
        for metric, lines in found.items()
    )


def _labels(labels: t.Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{excerpt(value, _MOST_LABEL).translate(_ESCAPED)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""
