"""Checks what sources need: the plugin, the secrets, and the response to a request with the credentials."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from threading import Event

from backhaul import (
    BackhaulError,
    ConfigError,
    Http,
    HttpLimits,
    NotFoundError,
    NotReadyError,
    RemoteJob,
    Secret,
)
from backhaul.commands import (
    JobSpec,
    Plugins,
    Provider,
    ServerProbe,
    Settings,
    Source,
    option_values,
    wording,
)
from backhaul_doctor.finding import Finding
from backhaul_doctor.servers import SECONDS, clock


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
        texts = [text for each in options for text in option_values(each) if isinstance(text, str)]
        base = getattr(self.source.options, "base_url", None)
        return ServerProbe.origins([base, *texts] if isinstance(base, str) else texts)

    def examine_secrets(self, _: Event) -> Iterator[Finding]:
        """Reads secrets that are stored in files or printed by commands."""
        secrets = [each for each in option_values(self.source.options) if isinstance(each, Secret)]
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
            yield Finding.ok(
                "secrets", self.name, f"{wording.count(len(secrets), 'secret')} can be read"
            )

    def examine_login(self, provider: Provider, stop: Event) -> Iterator[Finding]:
        """Makes one request with the credentials, without fetching data: a list, or a job's status."""
        limits = HttpLimits(
            connect=SECONDS, read=SECONDS, total=2 * SECONDS, patience=SECONDS, retries=1
        )
        with Http(
            pace=provider.info.pace, stop=stop, agent=self.settings.user_agent, limits=limits
        ) as http:
            listed: list[RemoteJob] = []
            try:
                what = self._ask(provider, http, listed)
            except NotReadyError as error:  # a job is not ready, but the login works
                what = error.message
            except BackhaulError as error:
                yield Finding.of_error("login", self.name, error)
                return
            if http.calls:
                yield Finding.ok("login", self.name, what)
            else:
                yield Finding.ok("login", self.name, "no request is made before files are fetched")
            if http.clock_offset is not None and not self.origins():
                yield clock(self.name, http.clock_offset)
            if provider.implements("list_jobs"):
                yield from self._unlisted(provider, http, listed)

    def _unlisted(
        self, provider: Provider, http: Http, listed: Sequence[RemoteJob]
    ) -> Iterator[Finding]:
        """Finds jobs that the account does not have, among those that are not in its list."""
        known = {text for each in listed for text in (each.id, each.title) if text}
        for job in self.jobs:
            texts = {text for text in option_values(job.options) if isinstance(text, str)}
            if not known.isdisjoint(texts):
                continue
            try:
                provider.get_status(http, self.source.options, job.options)
            except (NotFoundError, ConfigError) as error:
                near = {word for text in texts for word in get_close_matches(text, known)}
                new = sorted(word for word in near if word not in error.message)
                meant = f"did you mean {' or '.join(new)}? " if new else ""
                yield Finding.failed(
                    "job", f"job {job.name}", error.message,
                    f"{meant}`backhaul jobs` lists the account's jobs", error.exit_code,
                )  # fmt: skip
            except BackhaulError:
                continue  # not evidence that the job does not exist

    def _ask(self, provider: Provider, http: Http, listed: list[RemoteJob]) -> str:
        if provider.implements("list_jobs"):
            listed += provider.list_jobs(http, self.source.options)
            return "the provider lists the account's jobs" + ("" if listed else ": there are none")
        for job in islice(self.jobs, 1):
            status = provider.get_status(http, self.source.options, job.options)
            if http.calls or provider.pulls:
                return f"the provider responds: job {job.name} is {status.state.value}"
            files = list(islice(provider.resolve_files(http, self.source.options, job.options), 1))
            return f"the provider lists the files of job {job.name}" + (
                "" if files else ": there are none"
            )
        return "not checked: no job uses it"


def examine_plugins(plugins: Plugins, sources: Sequence[Source]) -> Iterator[Finding]:
    """Checks that each provider in use can be loaded."""
    for name in dict.fromkeys(source.provider for source in sources):
        try:
            provider = plugins.load(name)
        except BackhaulError as error:
            yield Finding.of_error("plugin", name, error)
        else:
            yield Finding.ok("plugin", name, provider.label)
