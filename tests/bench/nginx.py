"""A real nginx on loopback, plain and TLS, optionally with a rate limit per connection."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WORKERS = 1  # one core for the server, one for the client

_CONFIG = """
daemon off; master_process on; worker_processes {workers}; pid {home}/nginx.pid;
error_log {home}/error.log warn;
{user}
events {{ worker_connections 4096; }}
http {{
  log_format time '$msec';
  access_log off; sendfile on; tcp_nopush on; server_tokens off; autoindex on;
  types {{ application/gzip gz; }}
  client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
  uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
  ssl_certificate {home}/cert.pem; ssl_certificate_key {home}/key.pem;
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;
    root {root};
    location = /status {{ stub_status; }}
    location ~ ^/many/ {{ try_files /one.jsonl.gz =404; }}
    location /slow/ {{ alias {root}/huge/; limit_rate 10m; access_log {home}/slow.log time; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """A running server.

    Attributes:
        plain, tls: base URLs. ``/many/<any name>`` returns ``one.jsonl.gz``; ``/slow/`` serves the
            folder ``huge`` at 10 MB/s per connection; other paths are files of the folder.
        cert: the certificate to trust for ``tls``.
        slow: when each response of ``/slow/`` had been sent, in Unix seconds, one a line.
    """

    plain: str
    tls: str
    cert: Path
    slow: Path

    def requests(self) -> int:
        """Requests served so far, including this query."""
        with urllib.request.urlopen(f"{self.plain}/status") as answer:
            numbers = answer.read().decode().split("\n")[2].split()
        return int(numbers[2])


@contextlib.contextmanager
def serve(root: Path, home: Path) -> Iterator[Nginx]:
    """Serve a folder until the context is left; ``home`` is a folder for its own files."""
    home.mkdir(parents=True, exist_ok=True)
    _certificate(home)
    port, tls_port = _free_ports(2)
    config = home / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            workers=WORKERS,
            home=home,
            root=root,
            port=port,
            tls_port=tls_port,
            user="user root;" if os.geteuid() == 0 else "",
        )
    )
    process = subprocess.Popen(
        [find() or "nginx", "-p", str(home), "-c", str(config), "-e", str(home / "error.log")],
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process, home)
        yield Nginx(
            plain=f"http://127.0.0.1:{port}",
            tls=f"https://127.0.0.1:{tls_port}",
            cert=home / "cert.pem",
            slow=home / "slow.log",
        )
    finally:
        process.terminate()
        process.wait()


def find() -> str | None:
    """The path of nginx, which Debian installs outside an ordinary user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def _certificate(home: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", home / "key.pem", "-out", home / "cert.pem"],
        check=True,
        capture_output=True,
    )  # fmt: skip


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(port: int, process: "subprocess.Popen[bytes]", home: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    raise RuntimeError(f"nginx did not start: {(home / 'error.log').read_text()[-1000:]}")
