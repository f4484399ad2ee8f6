"""``python -m tests.bench``: all targets, some (``1 6``), ``cost``, ``growth``, or ``floor``."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import peers, table
from tests.bench.measure import BenchError, Steal
from tests.bench.place import Place
from tests.bench.row import Row
from tests.bench.targets import TARGETS, Target


def main() -> int:
    """Run the chosen benchmarks; return 0 if every measured target is met, 1 otherwise."""
    options = _options()
    wanted = options.what
    if wanted in (["cost"], ["growth"], ["floor"]):
        return _other(wanted[0], options)
    numbers = {int(word) for word in wanted}
    chosen = [one for one in TARGETS if not numbers or numbers.intersection(one.numbers)]
    rows: list[Row] = []
    steal = Steal()
    with Place(rounds=options.rounds, scale=options.scale, most=options.files) as place:
        for target in chosen:
            for row in _rows(target, place):
                if not numbers or row.number in numbers:
                    say(table.text(row))
                    rows.append(row)
    rows.sort(key=lambda row: row.number)
    content = f"{table.markdown(rows)}\n\n{table.circumstances(options.rounds, options.scale, stolen=steal.share)}"
    say(f"\n{content}")
    if options.write:
        table.write(options.write, "targets", content)
    return 0 if all(row.passed for row in rows) else 1


def say(line: str) -> None:
    """Print a line and flush, so that it shows at once in a pipe too."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _rows(target: Target, place: Place) -> Iterator[Row]:
    reason = peers.missing(target.tools)
    if reason is None:
        try:
            yield from target.run(place)
        except BenchError as error:
            reason = " ".join(str(error).split())[:300]
    if reason is not None:
        for number in target.numbers:
            yield Row(number=number, work=target.run.__name__, against="", note=reason)


def _other(what: str, options: argparse.Namespace) -> int:
    steal = Steal()
    with Place(rounds=options.rounds, scale=options.scale, most=options.files) as place:
        if what == "cost":
            from tests.bench import cost  # noqa: PLC0415 - only when asked for

            content = cost.report(place)
        elif what == "floor":
            from tests.bench import floor  # noqa: PLC0415 - only when asked for

            content = floor.report(place)
        else:
            from tests.bench import growth  # noqa: PLC0415 - only when asked for

            content = growth.report(place, million=options.million, plotted=bool(options.write))
    rounds = options.rounds if what == "floor" else None
    content = f"{content}\n\n{table.circumstances(rounds, options.scale, stolen=steal.share)}"
    say(content)
    if options.write:
        table.write(options.write, what, content)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="*", help="numbers of targets, or cost, growth or floor")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the files, to try out")
    parser.add_argument("--files", type=int, help="at most so many files, to try out")
    parser.add_argument("--million", action="store_true", help="growth up to 1,000,000 files")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="PAGE",
        help="write the table into a page, in place of the old one",
    )
    options = parser.parse_args()
    known = {str(number) for target in TARGETS for number in target.numbers}
    unknown = [word for word in options.what if word not in known]
    if unknown and options.what not in (["cost"], ["growth"], ["floor"]):
        parser.error(f"{unknown[0]}: no such target; there are {', '.join(sorted(known, key=int))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
