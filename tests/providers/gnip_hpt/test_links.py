"""A file's name and slot are derived from the `{from8}-{to8}_{uuid}` folder, wherever it is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul_gnip_hpt.links import expires, fallback, place_of, read_path

SIGNED = "AWSAccessKeyId=EXAMPLEKEY&Expires=1457000000&Signature=abc%2Bdef%2Fghi%3D"
KEY = "2016/02/03/20150601-20150602_q3w9e2r7ty/2015/06/01/00/10_activities.json.gz"
CSV_NAME = "20150601-20150602_q3w9e2r7ty_2015_06_01_00_10_activities.json.gz"
JOINED = "20150601-20150602_q3w9e2r7ty201506010010_activities.json.gz"
SHORT = "q3w9e2r7ty_2015_06_01_00_10_activities.json.gz"
SLOT = datetime(2015, 6, 1, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "place",
    [
        "https://s3-us-west-1.amazonaws.com/archive.replay.snapshots/snapshots/twitter/track/activity_streams/acme/",
        "https://s3-us-west-1.amazonaws.com/archive.replay.snapshots/snapshots/twitter/track/original/twitter/",
        "https://s3-us-west-1.amazonaws.com:443/archive.replay.snapshots/snapshots/twitter/track_v2/activity-streams/s3/",
        "https://archive.replay.snapshots.review.s3.amazonaws.com/snapshots/twitter/track/activity_streams/acme/",
        "https://archive.replay.historicals.review.s3.amazonaws.com/historicals/twitter/track/activity_streams/acme/",
        "https://archive.replay.historical.review.s3.amazonaws.com/historical/twitter/track/original/acme/",
        "http://127.0.0.1:8080/snapshots/twitter/track/activity_streams/20140101-20140102_x1/",
        "https://cdn.example.org/",
    ],
)
def test_the_name_is_the_csv_name_in_both_styles_of_link(place: str) -> None:
    named = read_path(place_of(f"{place}{KEY}?{SIGNED}")[0])
    assert named is not None
    assert named.name == CSV_NAME
    assert named.aliases == (JOINED, SHORT)
    assert (named.start, named.end) == (SLOT, SLOT + timedelta(minutes=10))


@pytest.mark.parametrize("spelling", [CSV_NAME, JOINED, f"mirror/{CSV_NAME}", f"/a/b/{JOINED}"])
def test_a_name_that_is_already_flat_is_recognised_in_both_documented_spellings(
    spelling: str,
) -> None:
    named = read_path(spelling)
    assert named is not None
    assert (named.name, named.start) == (CSV_NAME, SLOT)


@pytest.mark.parametrize(
    "spelling",
    [
        SHORT,  # does not reveal the job's days
        "2015/06/01/00/10_20150601-20150602_q3w9e2r7ty.json.gz",
        "10_activities.json.gz",  # collides across hours and days
        "",
    ],
)
def test_an_ambiguous_spelling_is_not_guessed(spelling: str) -> None:
    assert read_path(spelling) is None


def test_the_vendors_own_example_of_the_joined_spelling_is_recognised() -> None:
    named = read_path("20140516-20140520_gv96x96q3a201405170000_activities.json.gz")
    assert named is not None
    assert named.name == "20140516-20140520_gv96x96q3a_2014_05_17_00_00_activities.json.gz"


def test_a_numeric_uuid_is_not_merged_with_the_time() -> None:
    named = read_path("20140516-20140520_201406010000201405170000_activities.json.gz")
    assert named is not None
    assert named.name == "20140516-20140520_201406010000_2014_05_17_00_00_activities.json.gz"


def test_the_list_of_suspect_minutes_is_named_after_its_job_and_has_no_slot() -> None:
    named = read_path(
        "/archive.replay.snapshots/customers/acme/20150601-20150602_q3w9e2r7ty/suspectMinutes.json"
    )
    assert named is not None
    assert (named.name, named.start, named.end, named.aliases) == (
        "20150601-20150602_q3w9e2r7ty_suspectMinutes.json",
        None,
        None,
        (),
    )


def test_a_time_off_the_ten_minute_marks_is_in_the_slot_around_it() -> None:
    named = read_path(f"/{KEY.replace('10_act', '17_act')}")
    assert named is not None
    assert named.name.endswith("_00_17_activities.json.gz")
    assert named.start == SLOT


@pytest.mark.parametrize(
    "time", ["2015/13/01/00/10", "2015/06/31/00/10", "0000/06/01/00/10", "9999/12/31/23/50"]
)
def test_a_time_that_does_not_exist_keeps_its_name_and_has_no_slot(time: str) -> None:
    named = read_path(f"/20150601-20150602_q3/{time}_activities.json.gz")
    assert named is not None
    assert named.name == f"20150601-20150602_q3_{time.replace('/', '_')}_activities.json.gz"
    assert named.start is None
    assert named.end is None


@given(
    start=st.datetimes(datetime(2006, 3, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - hypothesis requires naive bounds
    uuid=st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True),
    account=st.from_regex(r"[a-z0-9_.-]{1,12}", fullmatch=True),
    bucket=st.sampled_from(["", "archive.replay.snapshots/"]),
)
def test_all_spellings_of_a_link_have_the_same_name_and_slot(
    start: datetime, uuid: str, account: str, bucket: str
) -> None:
    slot = start.replace(minute=start.minute // 10 * 10, second=0, microsecond=0, tzinfo=UTC)
    job = f"{slot:%Y%m%d}-{slot + timedelta(days=1):%Y%m%d}_{uuid}"
    name = f"{job}_{slot:%Y_%m_%d_%H_%M}_activities.json.gz"
    url = f"https://s3.example.org/{bucket}snapshots/twitter/{account}/2016/02/03/{job}/{slot:%Y/%m/%d/%H/%M}_activities.json.gz?{SIGNED}"
    for spelling in (place_of(url)[0], name, f"{job}{slot:%Y%m%d%H%M}_activities.json.gz"):
        named = read_path(spelling)
        assert named is not None
        assert (named.name, named.start) == (name, slot)


@given(st.lists(st.text(max_size=60), min_size=2, max_size=6, unique=True))
def test_names_of_unknown_paths_are_safe_and_distinct(paths: list[str]) -> None:
    names = [fallback(path).name for path in paths]
    assert len(set(names)) == len(paths)
    for name in names:
        assert name.isascii()
        assert "/" not in name
        assert len(name) <= 128
    assert names == [fallback(path).name for path in paths]


def test_a_name_from_an_unknown_path_keeps_its_content_suffix() -> None:
    assert fallback("/export/../new layout/part-0001.json.gz").name.endswith("_part-0001.json.gz")


@pytest.mark.parametrize(
    ("query", "epoch"),
    [
        (SIGNED, 1457000000),
        ("Expires=1457000000&Signature=x", 1457000000),
        ("Signature=x&Expires=1457000000", 1457000000),
        ("Signature=x", None),
        ("xExpires=1457000000", None),
        ("Expires=soon", None),
        ("Expires=99999999999999999999", None),
    ],
)
def test_a_link_contains_its_expiry(query: str, epoch: int | None) -> None:
    when = expires(f"https://s3.example.org/a?{query}")
    assert when == (None if epoch is None else datetime.fromtimestamp(epoch, UTC))
