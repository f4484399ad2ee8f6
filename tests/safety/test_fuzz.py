"""Anything for an answer or for a file: a named problem, never a traceback."""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.safety.command import run, write_config
from tests.safety.test_hostile import Hostile

from backhaul.verify.fault import VerifyFault
from backhaul.verify.verifier import KINDS, Limits, Verifier, verify_small

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "urlList",
                    "urlCount",
                    "expiresAt",
                    "suspectMinutesUrl",
                    "status",
                    "totalFileSizeBytes",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
BODIES = (
    st.binary(max_size=300)
    | st.binary(max_size=200).map(gzip.compress)
    | st.tuples(
        st.binary(max_size=80).map(gzip.compress), st.integers(0, 60), st.binary(max_size=3)
    ).map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :])
)


def body_is_judged(body: bytes, content: str) -> None:
    try:
        small: object = verify_small(body, content, limits=Limits())
    except VerifyFault as fault:
        small = fault.kind
    verifier = Verifier(content, limits=Limits())
    try:
        verifier.feed(body)
        large: object = verifier.finish()
    except VerifyFault as fault:
        large = fault.kind
    assert small == large


@given(BODIES, st.sampled_from(sorted(KINDS)))
@settings(max_examples=300, deadline=None)
def test_any_body_is_whole_or_has_a_kind(body: bytes, content: str) -> None:
    body_is_judged(body, content)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(BODIES, st.sampled_from(sorted(KINDS)))
@settings(max_examples=30_000, deadline=None)
def test_any_of_many_bodies_is_whole_or_has_a_kind(body: bytes, content: str) -> None:
    body_is_judged(body, content)


def answer_is_judged(emulator: Hostile, document: object) -> None:
    emulator.results = json.dumps(document).encode()
    with TemporaryDirectory() as name:
        ran = run(write_config(Path(name), emulator, settings={"retries": 0}))
        assert ran.code in {0, 3, 5, 6, 7, 8, 12}, ran.err
        assert "Traceback" not in ran.err
        assert "unexpected" not in ran.err


@pytest.mark.slow
@pytest.mark.timeout(900)
@given(JSON | st.fixed_dictionaries({"urlList": st.lists(JSON, max_size=3)}))
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_list_of_links_is_a_named_problem(document: object) -> None:
    with Hostile(slots=2) as emulator:
        answer_is_judged(emulator, document)
