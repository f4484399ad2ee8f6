"""`Provider`: the only caller of hooks; typed, fast, and attributes errors to the plugin."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, NoReturn

from backhaul.checks import FieldError
from backhaul.errors import BackhaulError, PluginError
from backhaul.foreign import line
from backhaul.hookspecs import Hooks
from backhaul.plugins.secrets import register_secrets
from backhaul.types import (
    Chunk,
    Content,
    JobStatus,
    Problem,
    ProviderInfo,
    RemoteFile,
    RemoteJob,
    Request,
)
from backhaul.verify.digest import missing_package

if TYPE_CHECKING:
    import pluggy

    from backhaul.http.session import Http
    from backhaul.http.unused import UnusedHttp
    from backhaul.options import JobOptions, SourceOptions

log = logging.getLogger(__name__)

_CORE = Path(__file__).parents[1]
_LONGEST = 500  # maximum length of an exception's text
# Our own errors pass unchanged; Ctrl-C and a closed generator are not errors.
_PASS = (BackhaulError, KeyboardInterrupt, GeneratorExit)
# Returns the problem, or None. The fields of a value are checked when it is created, see `backhaul.types`.
_Check = Callable[[Any], str | None]


class Provider:
    """A loaded provider.

    If a hook raises anything but a BackhaulError, or returns something that its contract does not
    allow, a PluginError that names the plugin is raised. Generators are checked while they run.

    Attributes:
        name: as in YAML.
        info: the result of `provider()`.
        label: name, distribution and version, for messages.
        hooks: names of the hooks that the plugin implements.
        takes_http: whether any of them takes ``http``.
        checks: whether the plugin implements ``check_file``.
        pulls: whether its files are fetched by ``pull_file`` rather than ``fetch_file``.
    """

    def __init__(
        self,
        manager: "pluggy.PluginManager",
        *,
        name: str,
        label: str,
        hooks: Iterable[str],
        info: ProviderInfo,
    ) -> None:
        self.name = name
        self.label = label
        self.hooks = tuple(hooks)
        self.info = info
        self._hook = manager.hook
        self.takes_http = any(
            "http" in own.argnames
            for hook in self.hooks
            for own in getattr(manager.hook, hook).get_hookimpls()
        )
        # By id; kept alive so that an id is not reused.
        self._sources: dict[int, object] = {}
        self._read: set[int] = set()  # sources whose secrets have been read
        self._fetches = "fetch_file" in self.hooks
        self.pulls = "pull_file" in self.hooks
        self.checks = "check_file" in self.hooks
        self._check = _alone(manager, "check_file") if self.checks else None

    def implements(self, hook: str) -> bool:
        """Whether the plugin implements the hook; otherwise the default applies."""
        return hook in self.hooks

    def list_jobs(self, http: "Http | UnusedHttp", source: "SourceOptions") -> Iterator[RemoteJob]:
        """Yields the account's jobs."""
        found = self._ask("list_jobs", http=http, source=source)
        return self._checked("list_jobs", found, _is_a(RemoteJob))

    def get_status(
        self, http: "Http | UnusedHttp", source: "SourceOptions", job: "JobOptions"
    ) -> JobStatus:
        """Returns the job's status at the provider."""
        status: JobStatus = self._ask("get_status", http=http, source=source, job=job)
        self._reject("get_status", _is_a(JobStatus)(status))
        return status

    def resolve_files(
        self, http: "Http | UnusedHttp", source: "SourceOptions", job: "JobOptions"
    ) -> Iterator[RemoteFile]:
        """Yields the job's files as the plugin lists them."""
        found = self._ask("resolve_files", http=http, source=source, job=job)
        return self._checked("resolve_files", found, _in_file)

    def fetch_file(
        self,
        http: "Http | UnusedHttp",
        source: "SourceOptions",
        job: "JobOptions",
        file: RemoteFile,
    ) -> Request:
        """Returns the request for a file."""
        if not self._fetches and file.url is not None:
            try:
                return Request(file.url)
            except FieldError as error:
                self._reject("resolve_files", f"{file.name!r}: {error}")
        found: Request = self._ask("fetch_file", http=http, source=source, job=job, file=file)
        wrong = _is_a(Request)(found)
        self._reject("fetch_file", wrong and f"{file.name!r}: {wrong}")
        return found

    def pull_file(
        self,
        http: "Http | UnusedHttp",
        source: "SourceOptions",
        job: "JobOptions",
        file: RemoteFile,
        cursor: str | None,
    ) -> Iterator[Chunk]:
        """Yields the file's chunks starting at `cursor`; only for providers that `pulls`."""
        found = self._ask("pull_file", http=http, source=source, job=job, file=file, cursor=cursor)
        return self._checked("pull_file", found, _is_a(Chunk))

    def check_file(
        self, source: "SourceOptions", job: "JobOptions", file: RemoteFile, content: Content
    ) -> list[Problem]:
        """Returns the problems that the provider finds in a complete file."""
        if self._check is None:
            return []
        # Called for every file: a call through pluggy would take longer than most checks.
        function, names = self._check
        known = {"source": source, "job": job, "file": file, "content": content}
        self._remember(source, read=False)
        try:
            found = function(*[known[name] for name in names])
        except _PASS:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is the plugin's
            self._blame("check_file", error)
        if not found and (found is None or type(found) is list):
            return []
        # A single string is one problem, not one per character.
        several = [found] if isinstance(found, str | Problem) else found
        problems = self._checked("check_file", several, _is_a(Problem, str))
        return [Problem(each) if isinstance(each, str) else each for each in problems]

    def _ask(self, hook: str, **arguments: Any) -> Any:
        self._remember(arguments["source"], read=True)
        try:
            found = getattr(self._hook, hook)(**arguments)
            if found is None and hook != "resolve_files":
                found = getattr(Hooks, hook)(None, **arguments)  # the default
        except _PASS:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is the plugin's
            self._blame(hook, error)
        return found

    def _remember(self, source: object, *, read: bool) -> None:
        number = id(source)
        if number in (self._read if read else self._sources):
            return
        register_secrets(source, read=read)
        self._sources[number] = source  # kept alive, so that its id is not reused
        if read:
            self._read.add(number)

    def _checked(self, hook: str, found: Any, check: _Check) -> Iterator[Any]:
        try:
            iterator = iter(found)
        except TypeError:
            kind = type(found).__name__
            raise PluginError(f"{self.label}: {hook}: gave {kind}, not an iterable") from None
        try:
            while True:
                try:
                    value = next(iterator)
                except StopIteration:
                    return
                except _PASS:
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is the plugin's
                    self._blame(hook, error)
                wrong = check(value)
                if wrong is not None:
                    self._reject(hook, wrong)
                yield value
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                self._close(hook, close)

    def _close(self, hook: str, close: Any) -> None:
        try:
            close()
        except KeyboardInterrupt:
            raise
        except BaseException:
            # The run already has what it needed, or has failed with its own error.
            log.warning("%s: %s failed when it was closed", self.label, hook)
            log.debug("the plugin's traceback", exc_info=True)

    def _reject(self, hook: str, wrong: str | None) -> None:
        if wrong is not None:
            raise PluginError(line(f"{self.label}: {hook}: {wrong}")) from None

    def _blame(self, hook: str, error: BaseException) -> NoReturn:
        log.debug("traceback of %s, %s", self.label, hook, exc_info=error)
        if isinstance(error, FieldError):
            raise PluginError(line(f"{self.label}: {hook}: {where(error)}: {error}")) from None
        raise PluginError(f"{self.label}: {hook} failed: {describe(error)}") from None


def _alone(manager: "pluggy.PluginManager", hook: str) -> tuple[Any, tuple[str, ...]]:
    """The plugin's function for a hook, and its arguments."""
    # The last registered is called first; wrappers must be called by pluggy.
    found = getattr(manager.hook, hook)
    own = found.get_hookimpls()[-1]
    if own.wrapper or own.hookwrapper:
        names = tuple(found.spec.argnames)
        return (lambda *values: found(**dict(zip(names, values, strict=True)))), names
    return own.function, tuple(own.argnames)


def where(error: BaseException) -> str:
    """The plugin's line that raised the error: ``backhaul_acme/__init__.py:57``."""
    found = "?"
    for frame, number in walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(_CORE) and path.suffix == ".py":
            found = f"{path.parent.name}/{path.name}:{number}"
    return found


def describe(error: BaseException) -> str:
    """Type and text of an exception, redacted, on one line of limited length."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - str() of a plugin's exception may fail
        text = ""
    message = f"{type(error).__name__}: {text}" if text.strip() else type(error).__name__
    return line(message, limit=_LONGEST)


def _is_a(*kinds: type) -> _Check:
    """Returns a check that a value is of one of the kinds."""
    wanted = " or ".join(kind.__name__ for kind in kinds)

    def check(value: object) -> str | None:
        return None if isinstance(value, kinds) else f"gave {_type(value)} instead of a {wanted}"

    return check


_is_a_file = _is_a(RemoteFile)


def _in_file(file: object) -> str | None:
    """Checks a RemoteFile. Called for each of a million files."""
    if type(file) is RemoteFile and file.checksum is None:
        return None
    if isinstance(file, RemoteFile) and file.checksum is not None:
        missing = missing_package(file.checksum)
        return missing and f"{file.name!r}: {missing}"
    return _is_a_file(file)


def _type(value: object) -> str:
    return f"a {type(value).__name__}" if value is not None else "None"
