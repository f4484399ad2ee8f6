"""A provider's check of a complete file. Can be pickled for another process."""

from typing import Any, TypeVar

from pydantic import BaseModel

from backhaul.errors import BackhaulError
from backhaul.options import JobOptions, SourceOptions
from backhaul.plugins.discovery import Plugins
from backhaul.plugins.facade import Provider
from backhaul.secret import Secret
from backhaul.transfer.context import Found
from backhaul.types import Content, Problem, RemoteFile

_Options = TypeVar("_Options", bound=BaseModel)
_NOTHING = Found()


class FileCheck:
    """Calls ``check_file``; on a worker.

    In another process it loads the provider by name, and the options have empty secrets: a check
    makes no requests.
    """

    def __init__(self, provider: Provider, source: SourceOptions, job: JobOptions) -> None:
        self._provider = provider
        self._source = source
        self._job = job

    def __call__(self, file: RemoteFile, content: Content) -> Found:
        """The provider's check of a file."""
        try:
            problems = self._provider.check_file(self._source, self._job, file, content)
        except BackhaulError as error:
            return Found(Problem(error.message, error.kind))
        if not problems:
            return _NOTHING
        fatal = next((problem for problem in problems if problem.fatal), None)
        return Found(fatal, tuple(problem.message for problem in problems if not problem.fatal))

    def __reduce__(self) -> tuple[Any, ...]:
        bare = _without_secrets(self._source), _without_secrets(self._job)
        return _loaded, (self._provider.name, *bare)


def _loaded(name: str, source: SourceOptions, job: JobOptions) -> FileCheck:
    return FileCheck(Plugins().load(name), source, job)


def _without_secrets(options: _Options) -> _Options:
    secrets = [name for name, value in options if isinstance(value, Secret)]
    return options.model_copy(update=dict.fromkeys(secrets, Secret(""))) if secrets else options
