"""Options without a value are passed to a command as typer itself would pass them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from backhaul.cli.app import convert_only_given


class Kind(StrEnum):
    """A choice."""

    SMALL = "small"
    LARGE = "large"


def _command(received: dict[str, Any]) -> Any:
    app = typer.Typer(add_completion=False)

    @app.command()
    def _keep(
        paths: Annotated[list[Path] | None, typer.Argument()] = None,
        *,
        text: str | None = None,
        number: int = 8080,
        share: float = 0.5,
        kind: Kind = Kind.SMALL,
        folder: Path = Path("here"),
        names: Annotated[list[str] | None, typer.Option("--name")] = None,
        verbose: Annotated[int, typer.Option("-v", count=True)] = 0,
        quiet: Annotated[bool, typer.Option("--quiet")] = False,
        asked: Annotated[
            str | None, typer.Option(callback=lambda value: value or "nothing")
        ] = None,
    ) -> None:
        received.update({**locals(), "received": None})

    return typer.main.get_command(app)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a b --name x --name y",
        "--number 7 --share 1 --kind large --folder there -vv --quiet --text 5 --asked z",
    ],
)
def test_a_command_receives_the_same_values(line: str) -> None:
    received: list[dict[str, Any]] = [{}, {}]
    plain, spared = map(_command, received)

    for each in (plain, convert_only_given(spared)):
        each.main(args=line.split(), standalone_mode=False)

    assert received[0] == received[1]
    assert len(received[0]) == 11
    assert [type(value) for value in received[0].values()] == [
        type(value) for value in received[1].values()
    ]


@pytest.mark.parametrize("line", ["--number x", "--kind huge", "--nothing"])
def test_wrong_values_are_refused(line: str) -> None:
    with pytest.raises(SystemExit) as ended:
        convert_only_given(_command({})).main(args=line.split())

    assert ended.value.code == 2
