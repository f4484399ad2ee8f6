"""Clusters whose connections are encrypted, with certificates of a CA of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests import warm
from tests.core.transfer.cluster.conftest import python_path
from tests.core.transfer.cluster.fetched import configured, expected, files
from tests.core.transfer.processes.counting import CountingServer
from tests.dask_cluster import DaskCluster

from backhaul import ConfigError, RunResult

dask_config = pytest.importorskip("dask.config")
distributed = pytest.importorskip("distributed")


class Certificates:
    """Two CAs in a folder, with a certificate of each: ``own`` and ``other``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("own", "other"):
            ca = trustme.CA()
            ca.cert_pem.write_to_path(self.path(f"{name}-ca.pem"))
            issued = ca.issue_cert("127.0.0.1")
            issued.private_key_pem.write_to_path(self.path(f"{name}.key"))
            issued.cert_chain_pems[0].write_to_path(self.path(f"{name}.crt"))
        Path(self.path("junk.crt")).write_text("this is not PEM\n")
        Path(self.path("junk.key")).write_text("this is not PEM\n")

    def path(self, name: str) -> str:
        return str(self._folder / name)

    @property
    def options(self) -> list[str]:
        """Those of a scheduler or worker."""
        return [
            *("--protocol", "tls"),
            *("--tls-ca-file", self.path("own-ca.pem")),
            *("--tls-cert", self.path("own.crt"), "--tls-key", self.path("own.key")),
        ]

    def security(self, ca: str = "own", client: str = "own") -> dict[str, str]:
        """Arguments of ``distributed.Security``."""
        return {
            "tls_ca_file": self.path(f"{ca}-ca.pem"),
            "tls_client_cert": self.path(f"{client}.crt"),
            "tls_client_key": self.path(f"{client}.key"),
        }

    def configuration(self, ca: str = "own", client: str = "own") -> dict[str, str]:
        """Dask's configuration."""
        found = self.security(ca, client)
        return {
            "distributed.comm.tls.ca-file": found["tls_ca_file"],
            "distributed.comm.tls.client.cert": found["tls_client_cert"],
            "distributed.comm.tls.client.key": found["tls_client_key"],
        }


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def encrypted(
    installed: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DaskCluster]:
    """A scheduler and one worker that use TLS."""
    folder = tmp_path_factory.mktemp("encrypted")
    env = {"PYTHONPATH": python_path(installed)}
    options = certificates.options
    with DaskCluster(folder, workers=1, env=env, popen=warm.Popen, tls=options) as started:
        yield started


def failed(result: RunResult) -> tuple[int, str]:
    """The exit code, and the only failure."""
    (failure,) = result.jobs[0].failures
    return result.exit_code, failure.message


def test_certificates_come_from_the_configuration_of_dask(
    encrypted: DaskCluster, certificates: Certificates, server: CountingServer, tmp_path: Path
) -> None:
    assert encrypted.address.startswith("tls://")
    with dask_config.set(certificates.configuration()):
        result = configured(server.url, tmp_path / "a", encrypted, count=20).run()
    assert (result.exit_code, result.jobs[0].failures) == (0, ())
    assert files(tmp_path / "a") == expected(count=20)


def test_a_client_brings_its_certificates_and_stays_open(
    encrypted: DaskCluster, certificates: Certificates, server: CountingServer, tmp_path: Path
) -> None:
    security = distributed.Security(require_encryption=True, **certificates.security())
    archive = configured(server.url, tmp_path / "a", None, count=20)
    with distributed.Client(
        encrypted.address, security=security, set_as_default=False, timeout="60s"
    ) as client:
        result = archive.run(cluster=client)
        assert (result.exit_code, result.jobs[0].failures) == (0, ())
        assert client.status == "running"
        assert client.submit(sum, (1, 2)).result() == 3
    with pytest.raises(ConfigError, match="the Dask client is closed"):
        archive.run(cluster=client)
    assert files(tmp_path / "a") == expected(count=20)


@pytest.mark.parametrize(
    ("wrong", "code", "text"),
    [
        (("other", "own"), 6, "the certificate of the Dask scheduler at {} is not trusted: "),
        (("own", "other"), 4, "the Dask scheduler at {} does not accept the client certificate: "),
        (("own", "junk"), 2, "{}: cannot use the certificates: "),
        (("missing", "own"), 2, "{}: the file of the CA, "),
    ],
)
def test_a_wrong_certificate_is_named(
    encrypted: DaskCluster,
    certificates: Certificates,
    tmp_path: Path,
    *,
    wrong: tuple[str, str],
    code: int,
    text: str,
) -> None:
    with dask_config.set(certificates.configuration(*wrong)):
        result = configured("http://127.0.0.1:9", tmp_path / "a", encrypted, count=1).run()
    exit_code, message = failed(result)
    assert exit_code == code
    assert text.format(encrypted.address) in message


def test_without_certificates_the_error_says_where_to_set_them(
    encrypted: DaskCluster, tmp_path: Path
) -> None:
    code, message = failed(
        configured("http://127.0.0.1:9", tmp_path / "a", encrypted, count=1).run()
    )
    assert code == 2
    assert f"{encrypted.address}: TLS needs certificates: set distributed.comm.tls" in message


@pytest.mark.usefixtures("installed")
def test_a_scheduler_without_tls_is_named(
    cluster: DaskCluster, certificates: Certificates, tmp_path: Path
) -> None:
    archive = configured("http://127.0.0.1:9", tmp_path / "a", None, count=1)
    address = cluster.address.replace("tcp:", "tls:")
    with dask_config.set(certificates.configuration()):
        code, message = failed(archive.run(cluster=address))
    assert code == 6
    assert f"the Dask scheduler at {address} does not use TLS: " in message
