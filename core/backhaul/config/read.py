"""Reads settings, sources and jobs from a file's tree."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from backhaul.config.build import Builder, M
from backhaul.config.describe import keys_at
from backhaul.config.destinations import locate
from backhaul.config.diagnostics import Diagnostics, Place, printable, quote, suggest
from backhaul.config.model import Config, JobSpec, Source
from backhaul.config.nodes import Entry, MapNode, ScalarNode, kind
from backhaul.config.notices import Webhook
from backhaul.config.settings import Settings
from backhaul.config.values import Values
from backhaul.errors import PluginError
from backhaul.names import unsafe_job
from backhaul.options import Duration, JobOptions, SourceOptions, identity_text
from backhaul.secret import Secret
from backhaul.storage.location import Location
from backhaul.types import ProviderInfo

Providers = Callable[[str], ProviderInfo]
"""Returns the provider of that name, or raises PluginError."""

VERSION: Final = 1
TOP_KEYS: Final = ("version", "settings", "sources", "jobs")


class SourceKeys(BaseModel):
    """The keys common to all sources."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    provider: str = Field(description="Name of the provider; `backhaul plugins list` shows all.")
    accept_unproven: bool = Field(
        default=False,
        description="Keep files even without proof that they are complete: no Content-Length, listed size,"
        " checksum or end marker. Such files may be incomplete, and their proof is empty.",
    )
    cluster_credentials: bool = Field(
        default=False,
        description="Let the workers of settings.cluster make requests that carry credentials too. By"
        " default, this machine makes them.",
    )


class JobKeys(BaseModel):
    """The keys common to all jobs."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    source: str = Field(description="Name of the job's source.")
    wait: Duration | None = Field(
        default=None,
        description="How long to wait until this job is ready. Default: settings.wait.",
        examples=["12h"],
    )
    accept_unproven: bool | None = Field(
        default=None, description="Overrides the source's accept_unproven for this job."
    )


class Reader:
    """Reads one file; records errors in the diagnostics and continues."""

    def __init__(
        self,
        file: str,
        *,
        providers: Providers,
        env: Mapping[str, str],
        diagnostics: Diagnostics,
        offline: bool,
        folder: Path,
    ) -> None:
        self._file = file
        self._folder = folder
        self._providers = providers
        self._diagnostics = diagnostics
        self._env = env
        self._values = Values(env, diagnostics, folder=folder)
        self._builder = Builder(self._values, diagnostics)
        self._accounts = (
            Builder(Values(env, diagnostics, folder=folder, keep_unset=True), diagnostics)
            if offline
            else self._builder
        )

    def read(self, root: MapNode, path: Path) -> Config:
        """Read the file's models; they are valid only if no errors were recorded."""
        for key, entry in root.entries.items():
            if key not in TOP_KEYS and not key.startswith("x-"):
                remedy = suggest(key, TOP_KEYS, kind="keys")
                self._diagnostics.add(entry.place, f"unknown key {quote(key)}", remedy)
        self._version(root.entries.get("version"))
        settings = self._settings(root)
        if "sources" not in root.entries:
            self._diagnostics.add(root.place, 'missing key "sources"', "add it")
        sources: dict[str, Source | None] = {
            name: self._source(name, entry) for name, entry in self._section(root, "sources")
        }
        settings, dest = locate(settings, path.parent)
        if dest.folder is not None and (settings.store or settings.workspace):
            self._refuse_of_stores(root)
        jobs = {
            name: self._job(name, entry, sources, settings, dest)
            for name, entry in self._section(root, "jobs")
        }
        return Config(
            path=path,
            settings=settings,
            dest=dest,
            sources={name: source for name, source in sources.items() if source is not None},
            jobs={name: job for name, job in jobs.items() if job is not None},
        )

    def _version(self, entry: Entry | None) -> None:
        if entry is None:
            return
        node = entry.node
        if (
            not isinstance(node, ScalarNode)
            or isinstance(node.value, bool)
            or node.value != VERSION
        ):
            what = "unsupported version of the file format"
            self._diagnostics.add(node.place, what, f"use version: {VERSION}, or upgrade backhaul")

    def _settings(self, root: MapNode) -> Settings:
        entry = root.entries.get("settings")
        node = None if entry is None else self._mapping(entry, "settings", empty=True)
        if entry is None or node is None:
            return Settings()
        webhook = node.entries.get("webhook")
        if webhook is None or not isinstance(webhook.node, MapNode):
            return self._builder.build(Settings, node, entry.place, "settings") or Settings()
        # Its variables may be unset like those of sources, as only a run uses it.
        rest = {key: each for key, each in node.entries.items() if key != "webhook"}
        others = MapNode(node.place, rest)
        settings = self._builder.build(Settings, others, entry.place, "settings") or Settings()
        made = self._accounts.build(Webhook, webhook.node, webhook.place, "settings.webhook")
        return settings.model_copy(update={"webhook": made})

    def _refuse_of_stores(self, root: MapNode) -> None:
        """Reports settings that only an object store has."""
        found = root.entries.get("settings")
        if found is None or not isinstance(found.node, MapNode):
            return
        for key in ("store", "workspace"):
            if (entry := found.node.entries.get(key)) is not None:
                what = f"settings.{key} is for object stores, but settings.dest is a folder"
                remedy = "leave it out, or set dest to a URL such as s3://bucket/prefix"
                self._diagnostics.add(entry.place, what, remedy)

    def _section(self, root: MapNode, name: str) -> list[tuple[str, Entry]]:
        entry = root.entries.get(name)
        node = None if entry is None else self._mapping(entry, name, empty=name == "jobs")
        if entry is None or node is None:
            return []
        if name == "sources" and not node.entries:
            self._diagnostics.add(entry.place, "sources is empty", "add one")
        return list(node.entries.items())

    def _mapping(self, entry: Entry, path: str, *, empty: bool = False) -> MapNode | None:
        node = entry.node
        if isinstance(node, MapNode):
            return node
        nothing = isinstance(node, ScalarNode) and node.value is None
        if nothing and empty:
            return MapNode(node.place, {})
        place = entry.place if nothing else node.place
        self._diagnostics.add(
            place, f"{path} should be a mapping, but is {kind(node)}", "indent its keys under it"
        )
        return None

    def _source(self, name: str, entry: Entry) -> Source | None:
        path = f"sources.{name}"
        node = self._mapping(entry, path)
        if node is None:
            return None
        common, own = _split(node, SourceKeys)
        keys = self._accounts.build(SourceKeys, common, entry.place, path)
        if keys is None or self._values.broken(common):
            return None
        try:
            info = self._provider(keys.provider)
            options = self._own(self._accounts, info.source, own, entry.place, path)
            failed = None
        except PluginError as error:
            options = None
            failed = _placed(error, common.entries["provider"].node.place, path)
        return Source(
            name=name,
            provider=keys.provider,
            options=options or SourceOptions(),
            accept_unproven=keys.accept_unproven,
            cluster_credentials=keys.cluster_credentials,
            place=entry.place,
            plugin_error=failed,
            given=self._given(own),
        )

    def _given(self, own: MapNode) -> dict[str, Secret]:
        """The scalar keys, with variables substituted."""
        lenient = Values(self._env, Diagnostics(), folder=self._folder, keep_unset=True)
        nodes = {key: entry.node for key, entry in own.entries.items()}
        values = {
            key: lenient.of(node) for key, node in nodes.items() if isinstance(node, ScalarNode)
        }
        return {
            key: Secret(identity_text(value))
            for key, value in values.items()
            if not lenient.broken(nodes[key]) and "${" not in str(value)
        }

    def _job(
        self,
        name: str,
        entry: Entry,
        sources: Mapping[str, Source | None],
        settings: Settings,
        dest: Location,
    ) -> JobSpec | None:
        path = f"jobs.{name}"
        reason = unsafe_job(name)
        if reason is not None:
            what = f"the job's name {quote(name)} {reason}"
            self._diagnostics.add(entry.place, what, "rename it; it becomes a folder")
        node = self._mapping(entry, path)
        if node is None:
            return None
        common, own = _split(node, JobKeys)
        keys = self._builder.build(JobKeys, common, entry.place, path)
        if keys is None:
            return None
        if keys.source not in sources:
            named = common.entries["source"].node
            if not self._values.broken(named):
                what = f"{path}: there is no source {quote(keys.source)}"
                remedy = suggest(keys.source, sources, kind="sources")
                self._diagnostics.add(named.place, what, remedy)
            return None
        source = sources[keys.source]
        if source is None:
            return None
        options: JobOptions | None = JobOptions()
        failed = source.plugin_error
        if failed is None:
            model = self._provider(source.provider).job
            try:
                context = {"source": source.options}
                options = self._own(self._builder, model, own, entry.place, path, context=context)
            except PluginError as error:
                failed = _placed(error, entry.place, path)
        return JobSpec(
            name=name,
            source=source,
            options=options or JobOptions(),
            dest=dest,
            wait=settings.wait if keys.wait is None else keys.wait,
            accept_unproven=(
                source.accept_unproven if keys.accept_unproven is None else keys.accept_unproven
            ),
            place=entry.place,
            plugin_error=failed,
            given=self._given(own),
        )

    def _provider(self, name: str) -> ProviderInfo:
        info = self._providers(name)
        for model, common in ((info.source, SourceKeys), (info.job, JobKeys)):
            for key in keys_at(model, ()):
                if key in common.model_fields:
                    raise PluginError(f"the plugin {name} is broken: its key {key} is reserved")
        return info

    @staticmethod
    def _own(
        builder: Builder,
        model: type[M],
        node: MapNode,
        place: Place,
        path: str,
        *,
        context: Any = None,
    ) -> M | None:
        try:
            return builder.build(model, node, place, path, context)
        except Exception as error:
            # the exception's text might contain a credential
            what = f"the plugin is broken: validating its keys raised {type(error).__name__}"
            raise PluginError(what) from error


def _placed(error: PluginError, place: Place, path: str) -> PluginError:
    placed = PluginError(place.prefix(printable(f"{path}: {error.message}")))
    placed.__cause__ = error
    return placed


def _split(node: MapNode, common: type[BaseModel]) -> tuple[MapNode, MapNode]:
    """The common keys and the provider's own."""
    shared: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, entry in node.entries.items():
        (shared if key in common.model_fields else own)[key] = entry
    return MapNode(node.place, shared), MapNode(node.place, own)
