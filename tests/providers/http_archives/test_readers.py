"""Valid and invalid indexes; in constant memory."""

import gzip
import io
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jmespath
import pytest
from tests.usual import usual

from backhaul import NotDataError
from backhaul_http_archives.entries import Entry
from backhaul_http_archives.readers import (
    Links,
    read_autoindex,
    read_csv,
    read_json,
    read_lines,
    read_sums,
)

MD5, SHA256 = "a" * 32, "b" * 64


def of(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


@pytest.mark.parametrize(
    ("line", "name", "checksum"),
    [
        (f"{MD5}  a.gz", "a.gz", f"md5:{MD5}"),
        (f"{SHA256} *x/a b.gz", "x/a b.gz", f"sha256:{SHA256}"),
        (f"{MD5.upper()}  ./a.gz", "a.gz", f"md5:{MD5}"),
        (f"\\{MD5}  a\\\\b", "a\\b", f"md5:{MD5}"),
        (f"SHA256 (a (1).gz) = {SHA256}", "a (1).gz", f"sha256:{SHA256}"),
        (f"MD5(a.gz)= {MD5}", "a.gz", f"md5:{MD5}"),
    ],
)
def test_digests_and_names_are_read(line: str, name: str, checksum: str) -> None:
    text = f"# made by a tool\n\n{line}\n"
    (found,) = read_sums(of(text))
    assert (found.name, found.checksum, found.size) == (name, checksum, None)


def test_a_signed_list_is_read_without_its_signature() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
        f"{MD5}  a\n-----BEGIN PGP SIGNATURE-----\n\niQIzBAEB\n-----END PGP SIGNATURE-----\n"
    )
    assert [each.name for each in read_sums(of(text))] == ["a"]


@pytest.mark.parametrize(
    "line", ["<html>", f"{MD5}", f"{MD5[1:]}  a", f"SHA256 (a) = {MD5}", "a b"]
)
def test_a_line_without_digest_and_name_is_reported(line: str) -> None:
    with pytest.raises(NotDataError, match="line 2"):
        list(read_sums(of(f"{MD5}  a\n{line}\n")))


def test_lines_that_do_not_match_are_skipped_unless_none_match() -> None:
    pattern = re.compile(r"^(?P<size>\d+) (?P<md5>\w+) (?P<url>\S+)")
    text = f"12 {MD5} http://h/a\nnonsense\r\n34 {MD5} http://h/b\r\n"
    assert list(read_lines(of(text), pattern)) == [
        Entry("http://h/a", "", 12, f"md5:{MD5}"),
        Entry("http://h/b", "", 34, f"md5:{MD5}"),
    ]
    with pytest.raises(NotDataError, match=r"none of the 1 lines"):
        list(read_lines(of("nonsense\n"), pattern))
    assert list(read_lines(of(""), pattern)) == []


@pytest.mark.parametrize(
    "html",
    [
        '<a href="a.gz">a.gz</a>   01-Jan-2026 00:00    123\n',
        '<A HREF="a.gz">a.gz</A> 2026-01-01 00:00:11  123  \n',
        "<li><a href='a.gz'>a.gz</a></li>",
        '<tr><td class="n"><a href="a.gz">a.gz</a></td><td>2026-Jan-01 10:00:00</td><td>1.2K</td></tr>',
    ],
)
def test_links_are_read_from_pages(html: str) -> None:
    page = (
        f'<html><body><a href="?C=N">Name</a><a href="../">..</a><a href="sub/">sub/</a><a href="#top">up</a>'
        f"{html}</body></html>"
    )
    (found,) = read_autoindex(of(page))
    assert (found.url, found.name) == ("a.gz", "a.gz")
    assert found.size in {None, 123}
    assert (found.size == 123) == ("123" in html)


def test_a_page_without_links_and_one_that_never_ends_are_refused() -> None:
    with pytest.raises(NotDataError, match="link"):
        list(read_autoindex(of("<html>please log in</html>")))
    with pytest.raises(NotDataError, match="tag"):
        list(read_autoindex(of("<a " + "x" * 1_000_000)))


@pytest.mark.parametrize(
    "html",
    [
        "<title>Index of /a/</title>",
        "<h1>Directory listing for /a/</h1><ul></ul>",
        '<a href="../">Parent</a>',
        '<a href="..">Up</a>',
        '<a href="?C=N;O=D">Name</a>',
        '<A HREF="/">[To Parent Directory]</A>',
    ],
)
def test_an_empty_folder_is_recognized(html: str) -> None:
    page = Links()
    assert list(read_autoindex(of(html), page)) == []
    assert page.is_folder


def test_a_login_page_is_not_recognized_as_a_folder() -> None:
    page = Links()
    html = "<title>Log in</title><a href='/forgot'>Forgot?</a><a href='mailto:a@b'>Help</a>"
    assert [each.name for each in read_autoindex(of(html), page)] == ["forgot"]
    assert not page.is_folder


@pytest.mark.parametrize("href", ["mailto:a@b.gz", "javascript:a.gz", "DATA:,a.gz", "tel:1"])
def test_links_that_do_not_lead_to_files_are_skipped(href: str) -> None:
    assert [each.name for each in read_autoindex(of(f'<a href="{href}">x</a><a href="a">'))] == [
        "a"
    ]


@pytest.mark.parametrize(
    "text", ["<!DOCTYPE html>\n<p>Log in", "<html>", "\n<?xml version='1.0'?>"]
)
def test_an_html_page_in_place_of_lines_is_refused(text: str) -> None:
    with pytest.raises(NotDataError, match="page"):
        list(read_lines(of(text), re.compile(r"(?P<url>\S+)")))


def test_an_expression_can_extract_links_from_a_page() -> None:
    text = '<html>\n<a href="a.gz">\n'
    found = read_lines(of(text), re.compile(r'href="(?P<url>\S+)"'))
    assert [each.url for each in found] == ["a.gz"]


@pytest.mark.parametrize("files", ["f[*]", "f[?@]"])
def test_json_may_begin_with_a_byte_order_mark(files: str) -> None:
    text = '\ufeff{"f": [{"u": "x"}]}'
    assert list(read_json(of(text), {"url": jmespath.compile("u")}, files, 1000)) == [Entry("x")]
    with pytest.raises(NotDataError, match="no list"):
        list(read_json(of('\ufeff{"e": 1}'), {}, "f[*]", 1000))


def test_names_are_unescaped() -> None:
    (found,) = read_autoindex(of('<a href="a%20b%C3%A4.gz">x</a>'))
    assert found.name == "a bä.gz"


def test_columns_are_found_by_name() -> None:
    text = f'\ufefffile;digest;link\n"a;1";{SHA256};x/a\n\n'
    columns = {"url": "link", "name": "file", "sha256": "digest"}
    assert list(read_csv(of(text), columns, ";")) == [Entry("x/a", "a;1", None, f"sha256:{SHA256}")]
    with pytest.raises(NotDataError, match="no column 'link'; there are: a, b"):
        list(read_csv(of("a,b\n"), columns, ","))
    with pytest.raises(NotDataError, match="line 2"):
        list(read_csv(of("file,digest,link\nx\n"), columns, ","))


def read(document: object, files: str, **paths: str) -> list[Entry]:
    made = {field: jmespath.compile(path) for field, path in paths.items()}
    return list(read_json(of(json.dumps(document)), made, files, 1000))


def test_expressions_find_files() -> None:
    document = {"a": {"b": [{"u": "x", "n": {"s": 5}, "h": f"sha256:{SHA256}"}]}}
    assert read(document, "a.b[*]", url="u", size="n.s", sha256="h") == [
        Entry("x", "", 5, f"sha256:{SHA256}")
    ]
    assert read([{"u": "x"}], "[*]", url="u") == [Entry("x")]
    assert read(["x", "y"], "[]", url="u") == [Entry("x"), Entry("y")]
    assert read({"m": {"p": {"u": "x"}}}, "m.*", url="u") == [Entry("x")]
    assert read({"files": []}, "files[*]", url="u") == []


@pytest.mark.parametrize(
    ("document", "files", "word"),
    [
        ({"error": "no"}, "files[*]", "no list"),
        ({"files": {}}, "files[*]", "no list"),
        ({"files": [1]}, "files[*]", "file 1"),
        ({"files": [{"u": 5}]}, "files[*]", "file 1 of the index: url"),
        ({"files": [{}]}, "files[*]", "neither a url nor a name"),
        ({"files": [{"u": "x", "s": "big"}]}, "files[*]", "size"),
        ({"files": [{"u": "x", "h": "zz"}]}, "files[*]", "md5"),
        ({"a": 1}, "a", "single value"),
        ({"a": ["x" * 2000]}, "a[?@]", "stream"),
    ],
)
def test_an_expression_that_finds_nothing_is_reported(
    document: object, files: str, word: str
) -> None:
    with pytest.raises(NotDataError) as caught:
        read(document, files, url="u", size="s", md5="h")
    assert word in caught.value.message


def _lines(path: Path) -> str:
    path.write_text("".join(f"{n} {n:032x} http://h/data/{n:08d}.gz\n" for n in range(200_000)))
    return r"read_lines(file, re.compile(r'(?P<size>\d+) (?P<md5>\w+) (?P<url>\S+)'))"


def _sums(path: Path) -> str:
    path.write_bytes(
        gzip.compress("".join(f"{n:064x}  data/{n:08d}.gz\n" for n in range(200_000)).encode(), 1)
    )
    return "read_sums(gzip.GzipFile(fileobj=file))"


def _page(path: Path) -> str:
    rows = "".join(
        f'<a href="{n:08d}.gz">{n:08d}.gz</a>    01-Jan-2026 00:00    {n}\n' for n in range(200_000)
    )
    path.write_text(f"<html><pre>{rows}</pre></html>")
    return "read_autoindex(file)"


def _json(path: Path) -> str:
    files = [{"url": f"data/{n:08d}.gz", "size": n, "hash": f"{n:064x}"} for n in range(200_000)]
    path.write_text(json.dumps({"files": files}))
    return "read_json(file, {f: jmespath.compile(e) for f, e in (('url', 'url'), ('size', 'size'), ('sha256', 'hash'))}, 'files[*]', 1)"


def _csv(path: Path) -> str:
    path.write_text("link,size\n" + "".join(f"data/{n:08d}.gz,{n}\n" for n in range(200_000)))
    return "read_csv(file, {'url': 'link', 'size': 'size'}, ',')"


@pytest.mark.parametrize("make", usual([_lines, _sums, _page, _json, _csv], _lines))
def test_200_000_entries_are_read_in_flat_memory(
    tmp_path: Path, make: Callable[[Path], str]
) -> None:
    path = tmp_path / "index"
    program = (
        "import gzip, re, jmespath\nfrom backhaul_http_archives.readers import *\n"
        f"with open({str(path)!r}, 'rb') as file:\n    number = sum(1 for _ in {make(path)})\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())\n"
        "print(number, int(peak[1]) >> 10)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    number, megabytes = map(int, done.stdout.split())
    assert number == 200_000
    assert megabytes < 100
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 10


@pytest.mark.parametrize("files", ["[*]", "files[*]", "files[?size > `0`]"])
@pytest.mark.parametrize("begin", [b"[", b'{"]}":', b'[{"\\\\":', b'{"\\"]":['])
def test_a_deeply_nested_document_is_refused_at_once(files: str, begin: bytes) -> None:
    """The paths of 200,000 levels would take 100 GB."""
    file = io.BytesIO(begin * 200_000)

    with pytest.raises(NotDataError, match="levels deep"):
        list(read_json(file, {}, files, 1 << 24))


def test_brackets_in_strings_are_not_nesting() -> None:
    """Wherever a block ends."""
    names = ["[" * 70_000, "\\" * 65_535 + '"{', '"[\\"' * 20_000, "]}"]
    text = json.dumps([{"url": "a", "name": name} for name in names * 3])
    paths = {"url": jmespath.compile("url")}

    assert len(list(read_json(of(text), paths, "[*]", 1))) == 12
