"""The Prometheus text format, as node_exporter's textfile collector reads it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Labels = tuple[tuple[str, str], ...]

_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_SAMPLE: Final = re.compile(r"(?P<name>[a-z_]+)(?P<labels>\{.*\}) (?P<value>[0-9.]+)")


@dataclass(slots=True)
class Metric:
    """A gauge with its samples.

    Attributes:
        name: with its unit, such as ``backhaul_job_fetched_bytes``.
        help: one line.
        samples: values by labels.
    """

    name: str
    help: str
    samples: dict[Labels, float] = field(default_factory=dict)


def as_text(metrics: Iterable[Metric]) -> str:
    """The metrics that have samples, in the text format 0.0.4."""
    lines = []
    for metric in metrics:
        if metric.samples:
            escaped = metric.help.replace("\\", r"\\").replace("\n", r"\n")
            lines += [f"# HELP {metric.name} {escaped}", f"# TYPE {metric.name} gauge"]
            lines += [
                f"{metric.name}{label_text(labels)} {_number(value)}"
                for labels, value in metric.samples.items()
            ]
    return "".join(f"{line}\n" for line in lines)


def label_text(labels: Labels) -> str:
    """Labels in braces, with their values escaped; empty if there are none."""
    inner = ",".join(f'{name}="{_plain(value)}"' for name, value in labels)
    return f"{{{inner}}}" if inner else ""


def samples_of(text: str, name: str, known: Sequence[Labels]) -> Mapping[Labels, float]:
    """The samples of one metric in an earlier file, for the given labels."""
    by_text = {label_text(labels): labels for labels in known}
    found = {}
    for line in text.splitlines():
        sample = _SAMPLE.fullmatch(line)
        if sample and sample["name"] == name and sample["labels"] in by_text:
            try:
                found[by_text[sample["labels"]]] = float(sample["value"])
            except ValueError:  # more than one point
                continue
    return found


def _plain(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode().translate(_ESCAPES)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 3))
