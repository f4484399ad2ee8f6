"""Valid URLs of an API."""

import pytest
from pydantic import TypeAdapter, ValidationError

from backhaul import BaseUrl

URL = TypeAdapter(BaseUrl)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "http://127.0.0.1:8080/prefix/",
        "http://[::1]:80",
        "http://localhost",
        "http://my_host.internal.",
        "http://xn--bcher-kva.example",
        "http://b\u00fccher.example",
    ],
)
def test_a_possible_host_is_accepted(url: str) -> None:
    assert URL.validate_python(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://exa mple/",
        "http://a..b",
        "http://*",
        "http://-",
        "http://a-.example",
        "http://.example",
        f"http://{'a' * 64}.example",
        f"http://{'a.' * 130}example",
        "http://[::1",
        "http://[v1.x]",
        "ftp://a",
        "http://",
        "a.example",
    ],
)
def test_an_impossible_host_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        URL.validate_python(url)
