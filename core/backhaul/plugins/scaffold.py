"""``backhaul plugins new NAME``: creates an installable plugin that passes the contract."""

import keyword
import re
from importlib import resources
from pathlib import Path

from backhaul.errors import ConfigError, DiskError

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST = 40


def write_scaffold(name: str, target: Path) -> list[Path]:
    """Write a plugin for the provider `name` into the folder `target`.

    Args:
        name: the provider's name in YAML: lowercase letters, digits and single hyphens.
        target: the folder; created if it does not exist, otherwise it must be empty.

    Returns:
        the files, in reading order.

    Raises:
        ConfigError: the name is invalid, or the folder is not empty.
        DiskError: the folder cannot be written.
    """
    _check(name, target)
    module = "backhaul_" + name.replace("-", "_")
    files = {
        f"{module}/__init__.py": "module.py.txt",
        f"{module}/emulator.py": "emulator.py.txt",
        f"{module}/py.typed": None,
        "tests/test_contract.py": "test_contract.py.txt",
        "pyproject.toml": "pyproject.toml.txt",
    }
    words = {
        "@NAME@": name,
        "@MODULE@": module,
        "@CLASS@": "".join(part.capitalize() for part in name.split("-")),
        "@TITLE@": name.replace("-", " ").title(),
    }
    written = []
    try:
        for file, template in files.items():
            path = target / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(template, words), encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise DiskError(f"{error.filename or target}: {error.strerror}") from None
    return written


def _check(name: str, target: Path) -> None:
    if len(name) > _LONGEST or not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"{name!r} cannot be a provider's name: use small letters, digits and single hyphens,"
            f" beginning with a letter, {_LONGEST} at most, such as acme-archive"
        )
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target} is a file")
    if target.is_dir() and any(target.iterdir()):
        raise ConfigError(f"{target} is not empty")


def _filled(template: str | None, words: dict[str, str]) -> str:
    if template is None:
        return ""
    text = resources.files("backhaul.plugins").joinpath("template", template).read_text("utf-8")
    for word, value in words.items():
        text = text.replace(word, value)
    return text
