"""Secrets that are kept in a file, or that a command tells: read at first use, and not before."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from backhaul.errors import ConfigError

KEYS: Final = frozenset({"file", "command"})
_MOST: Final = 1 << 16  # bytes
_PATIENCE: Final = 120.0  # seconds; a command may ask a person
_FORMS: Final = "should be a string, {file: PATH} or {command: [PROGRAM, ARGUMENT]}"


class StoredKeys(dict[str, Any]):
    """The keys ``file`` or ``command`` of a YAML file, which know where they stand.

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
    """Where a secret is kept; one of ``file`` and ``command``.

    Attributes:
        file: holds the secret, and a line break behind it at most.
        command: prints the same.
        place: where the YAML file says so.
        folder: of that file.
    """

    file: Path | None
    command: tuple[str, ...]
    place: str
    folder: Path = field(default_factory=Path)

    def read(self) -> str:
        """The secret. Raises ConfigError, which says where it should have come from."""
        data = self._of_command() if self.file is None else self._of_file(self.file)
        what = "the secret's command printed" if self.file is None else "the secret's file holds"
        if len(data) > _MOST:
            raise ConfigError(f"{self._where}{what} more than {_MOST >> 10} KiB")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise ConfigError(f"{self._where}{what} what is not UTF-8 text") from None
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise ConfigError(f"{self._where}{what} nothing")
        if not text.isprintable():
            raise ConfigError(
                f"{self._where}{what} line breaks or control characters; one line break at the end is"
                " all that is left out"
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
            done = subprocess.run(  # noqa: S603 - the user's own program, without a shell
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                cwd=self.folder,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"{self._where}the secret's command {program} did not end within {_PATIENCE:.0f} s"
            ) from None
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"{self._where}the secret's command cannot be run: {program}: {said}"
            ) from None
        if done.returncode:
            raise ConfigError(
                f"{self._where}the secret's command {program} failed with exit code {done.returncode};"
                " run it by itself to see why"
            )
        return done.stdout


def parse_stored(value: Mapping[Any, Any]) -> StoredSecret:
    """Where a secret is kept, of the keys in YAML. Raises ValueError, which says what to write."""
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
            raise ValueError(f"names {path[:80]!r}, and there is no such home folder") from None
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
