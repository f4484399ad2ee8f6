"""The list of mutations matches the code; in the long mode, each test fails with its mutation."""

import pytest
from tests.safety.mutations import CORE, MUTATIONS, ROOT, main


def test_each_change_fits_the_code() -> None:
    for mutation in MUTATIONS:
        text = (ROOT / CORE / mutation.file).read_text()
        for before, _ in mutation.changes:
            assert text.count(before) == 1, mutation.name


@pytest.mark.slow
def test_without_any_safeguard_a_test_fails() -> None:
    assert main() == 0
