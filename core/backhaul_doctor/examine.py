"""All checks, in the order in which a run would encounter the problems."""

from collections.abc import Iterator, Sequence
from os import PathLike
from threading import Event
from typing import Final

from backhaul.commands import Config, JobSpec, Location, Plugins, Settings
from backhaul_doctor.archive import examine_archive
from backhaul_doctor.bounded import Check, bounded
from backhaul_doctor.configuration import Loaded, examine_files
from backhaul_doctor.finding import Finding
from backhaul_doctor.folder import examine_folder
from backhaul_doctor.machine import examine_machine
from backhaul_doctor.notices import examine_notices, examine_webhook
from backhaul_doctor.providers import Account, examine_plugins
from backhaul_doctor.servers import Server, endpoints, examine_cluster, examine_store

SECONDS: Final = 45.0
"""The maximum time for each of the four groups of checks, each of which runs in parallel."""


def examine(given: Sequence[str | PathLike[str]], *, seconds: float = SECONDS) -> Iterator[Finding]:
    """Yields the findings as they are made. Fetches no data; changes nothing.

    Args:
        given: YAML files.
        seconds: the maximum time for each group of checks.
    """
    loaded = Loaded()
    yield from examine_files(given, loaded)
    if not loaded.configs:
        return
    plugins = Plugins()
    folders = _folders(loaded.configs)
    yield from examine_machine(loaded.configs[0].settings, len(folders))
    yield from examine_plugins(
        plugins, [source for config in loaded.configs for source in config.sources.values()]
    )
    for config in loaded.configs:
        yield from examine_notices(config)
    disks = [_disk(dest, *found) for dest, found in folders.items()]
    yield from bounded(disks, seconds=seconds)
    accounts = [account for config in loaded.complete for account in _accounts(config)]
    unusable = set()
    secrets = [Check("secrets", each.name, each.examine_secrets) for each in accounts]
    for finding in bounded(secrets, seconds=seconds):
        yield finding
        if finding.exit_code:
            unusable.add(finding.subject)
    servers = {
        origin: Server(url=origin, agent=account.settings.user_agent)
        for account in accounts
        for origin in account.origins()
    }
    stores = [dest for dest in folders if dest.folder is None]
    for dest in stores:
        for origin in endpoints(dest):
            servers.setdefault(origin, Server(url=origin, agent=folders[dest][0].user_agent))
    ways = [Check("http", origin, server.examine) for origin, server in servers.items()]
    for finding in bounded(ways, seconds=seconds):
        yield finding
        if finding.exit_code and finding.check != "clock":
            unusable.add(finding.subject)
    logins = [
        _login(account, plugins)
        for account in accounts
        if not unusable & {account.name, *account.origins()}
    ]
    hooks = [_webhook(config) for config in loaded.complete if config.settings.webhook]
    reachable = [_store(dest) for dest in stores if not unusable & set(endpoints(dest))]
    yield from bounded(
        [*logins, *reachable, *_clusters(loaded.configs, plugins), *hooks], seconds=seconds
    )


def _folders(configs: Sequence[Config]) -> dict[Location, tuple[Settings, list[JobSpec]]]:
    found: dict[Location, tuple[Settings, list[JobSpec]]] = {}
    for config in configs:
        found.setdefault(config.dest, (config.settings, []))[1].extend(config.jobs.values())
    return found


def _disk(dest: Location, settings: Settings, jobs: Sequence[JobSpec]) -> Check:
    def work(_: Event) -> Iterator[Finding]:
        yield from examine_folder(dest.disk, settings)
        yield from examine_archive(dest, jobs)

    return Check("folder", str(dest.disk), work)


def _store(dest: Location) -> Check:
    return Check("store", str(dest), lambda _: examine_store(dest))


def _webhook(config: Config) -> Check:
    return Check("http", "settings.webhook", lambda stop: examine_webhook(config, stop))


def _clusters(configs: Sequence[Config], plugins: Plugins) -> Iterator[Check]:
    """The cluster of the first configuration, which a run would use."""
    address = configs[0].settings.cluster
    if address is None:
        return
    sources = [source for config in configs for source in config.sources.values()]
    names = {source.provider for source in sources if source.plugin_error is None}
    labels = {name: plugins.load(name).label for name in sorted(names)}
    archives = {config.dest for config in configs}
    yield Check("cluster", address, lambda _: examine_cluster(address, labels, archives))


def _accounts(config: Config) -> Iterator[Account]:
    for source in config.sources.values():
        if source.plugin_error is None:
            jobs = [job for job in config.jobs.values() if job.source.name == source.name]
            yield Account(source=source, jobs=jobs, settings=config.settings)


def _login(account: Account, plugins: Plugins) -> Check:
    provider = plugins.load(account.source.provider)
    return Check("login", account.name, lambda stop: account.examine_login(provider, stop))
