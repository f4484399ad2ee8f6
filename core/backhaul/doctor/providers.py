"""Checks what sources need: the plugin, the secrets, and an answer to a request with the credentials."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Event

from backhaul.config import JobSpec, Settings, Source
from backhaul.doctor.finding import Finding
from backhaul.doctor.servers import SECONDS, clock, origins_of
from backhaul.errors import BackhaulError, ConfigError, NotReadyError
from backhaul.http.session import Http, HttpLimits
from backhaul.plugins.discovery import Plugins
from backhaul.plugins.facade import Provider
from backhaul.plugins.secrets import leaves, register_secrets
from backhaul.secret import Secret
from backhaul.wording import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A source with its jobs.

    Attributes:
        source: the source.
        jobs: its jobs.
        settings: those of its file.
    """

    source: Source
    jobs: Sequence[JobSpec]
    settings: Settings

    @property
    def name(self) -> str:
        """For findings."""
        return f"source {self.source.name}"

    def origins(self) -> list[str]:
        """The servers that its options name."""
        options = [self.source.options, *(job.options for job in self.jobs)]
        texts = [text for each in options for text in leaves(each) if isinstance(text, str)]
        base = getattr(self.source.options, "base_url", None)
        return origins_of([base, *texts] if isinstance(base, str) else texts)

    def examine_secrets(self, _: Event) -> Iterator[Finding]:
        """Reads secrets that are kept in files or printed by commands."""
        secrets = [each for each in leaves(self.source.options) if isinstance(each, Secret)]
        if not secrets:
            return
        problems = 0
        for secret in secrets:
            try:
                text = secret.reveal()
            except ConfigError as error:
                problems += 1
                yield Finding.of_error("secrets", self.name, error)
                continue
            if not text:
                problems += 1
                yield Finding.warning(
                    "secrets", self.name, "a secret is empty", "set its environment variable"
                )
        if not problems:
            yield Finding.ok("secrets", self.name, f"{count(len(secrets), 'secret')} can be read")

    def examine_login(self, provider: Provider, stop: Event) -> Iterator[Finding]:
        """Makes one request with the credentials that fetches no data: a list, or a job's status."""
        register_secrets(self.source.options, read=True)
        limits = HttpLimits(
            connect=SECONDS, read=SECONDS, total=2 * SECONDS, patience=SECONDS, retries=1
        )
        with Http(
            pace=provider.info.pace, stop=stop, agent=self.settings.user_agent, limits=limits
        ) as http:
            try:
                what = self._ask(provider, http)
            except NotReadyError as error:  # a job is not ready, but the login is right
                what = error.message
            except BackhaulError as error:
                yield Finding.of_error("login", self.name, error)
                return
            if http.calls:
                yield Finding.ok("login", self.name, what)
            else:
                yield Finding.ok("login", self.name, "nothing is asked before files are fetched")
            if http.clock_offset is not None and not self.origins():
                yield clock(self.name, http.clock_offset)

    def _ask(self, provider: Provider, http: Http) -> str:
        if provider.implements("list_jobs"):
            found = list(islice(provider.list_jobs(http, self.source.options), 1))
            return "the provider lists the account's jobs" + ("" if found else ": there are none")
        for job in islice(self.jobs, 1):
            status = provider.get_status(http, self.source.options, job.options)
            if http.calls or provider.pulls:
                return f"the provider answers: job {job.name} is {status.state.value}"
            files = list(islice(provider.resolve_files(http, self.source.options, job.options), 1))
            return f"the provider lists the files of job {job.name}" + (
                "" if files else ": there are none"
            )
        return "not checked: there is no job"


def examine_plugins(plugins: Plugins, sources: Sequence[Source]) -> Iterator[Finding]:
    """Checks that each provider in use can be loaded."""
    for name in dict.fromkeys(source.provider for source in sources):
        try:
            provider = plugins.load(name)
        except BackhaulError as error:
            yield Finding.of_error("plugin", name, error)
        else:
            yield Finding.ok("plugin", name, provider.label)
