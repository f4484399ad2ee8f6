"""Secrets stored in a file or printed by a command, read on first use and not before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from backhaul import secret_command
from backhaul.errors import ConfigError

KEYS: Final = frozenset({"file", "command"})
_MOST: Final = 1 << 16  # bytes
_PATIENCE: Final = 120.0  # seconds; a command may prompt the user
_FORMS: Final = "should be a string, {file: PATH} or {command: [PROGRAM, ARGUMENT]}"


class StoredKeys(dict[str, Any]):
    """The keys ``file`` or ``command`` of a YAML file, with their location.

    Attributes:
        place: ``file:line:column``.
        folder: of the YAML file: paths are relative to it, and commands run in it.
    """

    __slots__ = ("folder", "place")

    def __init__(self, keys: Mapping[str, Any], *, place: str, folder: Path) -> None:
        super().__init__(keys)
        self.place = place
        self.folder = folder


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """Where a secret is stored; either ``file`` or ``command`` is set.

    Attributes:
        file: contains the secret, optionally followed by a line break.
        command: prints the same.
        place: its location in the YAML file.
        folder: of that file.
    """

    file: Path | None
    command: tuple[str, ...]
    place: str
    folder: Path = field(default_factory=Path)

    def read(self) -> str:
        """The secret. Raises ConfigError, which names its source."""
        data = self._of_command() if self.file is None else self._of_file(self.file)
        what = "the secret's command printed" if self.file is None else "the secret's file contains"
        if len(data) > _MOST:
            raise ConfigError(f"{self._where}{what} more than {_MOST >> 10} KiB")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise ConfigError(f"{self._where}{what} data that is not UTF-8 text") from None
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise ConfigError(f"{self._where}{what} nothing")
        if not text.isprintable():
            raise ConfigError(
                f"{self._where}{what} line breaks or control characters; only a single line break at the"
                " end is removed"
            )
        return text

    @property
    def _where(self) -> str:
        return f"{self.place}: " if self.place else ""

    def _of_file(self, path: Path) -> bytes:
        try:
            if not path.is_file():  # a pipe would block, a folder cannot be read
                raise ConfigError(
                    f"{self._where}{path} is missing or not a regular file: write the secret there, or correct"
                    " file:"
                )
            with path.open("rb") as file:
                return file.read(_MOST + 1)
        except OSError as error:
            raise ConfigError(
                f"{self._where}the secret's file cannot be read: {path}: {error.strerror or error}"
            ) from None

    def _of_command(self) -> bytes:
        program = self.command[0]
        try:
            data, code = secret_command.output_of(
                self.command, self.folder, most=_MOST, patience=_PATIENCE
            )
        except TimeoutError:
            raise ConfigError(
                f"{self._where}the secret's command {program} did not end within {_PATIENCE:.0f} s"
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"{self._where}the secret's command cannot be run: {program}: {reason}"
            ) from None
        if code:
            raise ConfigError(
                f"{self._where}the secret's command {program} failed with exit code {code};"
                " run it by itself to see why"
            )
        return data


def parse_stored(value: Mapping[Any, Any]) -> StoredSecret:
    """The location of a secret, from the keys in YAML. Raises ValueError, which says what to write."""
    place, folder = getattr(value, "place", ""), getattr(value, "folder", Path())
    if len(value) != 1 or not set(value) <= KEYS:
        raise ValueError(_FORMS)
    if "file" in value:
        path = value["file"]
        if not isinstance(path, str) or not path or "\0" in path:
            raise ValueError("should name a file, such as {file: ~/.secrets/archive}")
        try:
            return StoredSecret(Path(folder, Path(path).expanduser()), (), place, folder)
        except RuntimeError:
            raise ValueError(f"names {path[:80]!r}, but that home folder does not exist") from None
    words = value["command"]
    if (
        not isinstance(words, list)
        or not words
        or not all(isinstance(word, str) and "\0" not in word for word in words)
        or not words[0]
    ):
        raise ValueError(
            "should list a program and its arguments, such as {command: [pass, show, archive]}"
        )
    return StoredSecret(None, tuple(words), place, folder)
