"""CSV as RFC 4180 has it, with nothing that a spreadsheet would run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.cli.csv_lines import cell, write_csv


def test_there_is_a_header_and_a_line_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(
        ("job", "here.size", "proof", "late", "none", "reported"),
        [
            {"job": "a", "here": {"size": 5}, "proof": ["length", "footer"], "late": True},
            {"job": "b", "here": None, "none": None, "reported": 'a "b", c', "more": 1},
        ],
    )

    assert capsys.readouterr().out == (
        'job,here.size,proof,late,none,reported\r\na,5,length; footer,true,,\r\nb,,,,,"a ""b"", c"\r\n'
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "=cmd|' /C calc'!A0"])
def test_text_that_looks_like_a_formula_is_escaped(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell([text]) == f"'{text}"


def test_numbers_stay_numbers() -> None:
    assert (cell(-1.5), cell(0), cell(False)) == ("-1.5", "0", "false")


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_each_row_is_read_back_with_as_many_cells(texts: list[str]) -> None:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backhaul.cli.output.write", out.write)
        write_csv([str(at) for at in range(len(texts))], [dict(zip("0123", texts, strict=False))])

    header, row = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert len(header) == len(row) == len(texts)
    assert all(each.isprintable() for each in row)
    assert not any(each.startswith(("=", "+", "-", "@")) for each in row)
