"""Creates a commented YAML file for a provider."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from backhaul import defaults
from backhaul.config.build import Builder
from backhaul.config.describe import Option, options
from backhaul.config.diagnostics import Diagnostics
from backhaul.config.document import parse
from backhaul.config.values import Values
from backhaul.types import ProviderInfo

FIRST_LINE = f"# yaml-language-server: $schema={defaults.SCHEMA}\n"
"""Tells editors where the JSON Schema is; `backhaul schema` writes it."""

_PLACEHOLDERS = {
    "string": "your-{key}",
    "secret string": "${{{variable}}}",
    "integer": "1",
    "number": "1",
    "true or false": "true",
    "date": "2016-12-01",
    "duration": "1h",
    "size": "1M",
    "path": "path/to/it",
    "URL": "https://api.example.com",
    "mapping": "{{}}",
}
_WIDTH = 96


def example(provider: str, info: ProviderInfo) -> str:
    """Returns YAML with a source and a job: the provider's own example, or one from its models.

    Required keys have an example or a placeholder, secrets are ``${NAME}``; optional keys are
    commented out, with their defaults.
    """
    if info.example.strip():
        body = info.example if info.example.endswith("\n") else info.example + "\n"
        return body if body.startswith(FIRST_LINE.rstrip()) else FIRST_LINE + body
    return FIRST_LINE + "".join(f"{line}\n" for line in _lines(provider, info))


def _lines(provider: str, info: ProviderInfo) -> Iterator[str]:
    yield f"# {' '.join(info.title.split())}"
    yield "version: 1"
    yield "settings:"
    yield "  dest: archive  # files are stored in archive/<job>/, next to this file"
    yield "sources:"
    yield f"  {provider}:  # any name; jobs refer to it"
    yield f"    provider: {provider}"
    yield from _keys(provider, info.source)
    yield "jobs:"
    yield "  my-job:  # any name; also the folder's name"
    yield f"    source: {provider}"
    yield from _keys(provider, info.job)


def _keys(provider: str, model: type[BaseModel]) -> Iterator[str]:
    found = options(model)
    shown = _needed(provider, model, found)
    for option in found:
        if option.meaning:
            yield from textwrap.wrap(
                option.meaning,
                _WIDTH,
                initial_indent="    # ",
                subsequent_indent="    # ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        if option.key in shown:
            yield f"    {option.key}: {_placeholder(provider, option)}"
        else:
            yield f"    # {option.key}: {_optional(option)}"


def _needed(provider: str, model: type[BaseModel], found: list[Option]) -> set[str]:
    """The required keys, plus an optional one if the model requires one of several."""
    required = {option.key for option in found if option.required}
    wider = (required | {option.key} for option in found if option.examples and not option.required)
    for keys in (required, *wider):
        lines = [
            f"{each.key}: {_placeholder(provider, each)}\n" for each in found if each.key in keys
        ]
        if _accepts(model, "".join(lines) or "{}"):
            return keys
    return required


def _accepts(model: type[BaseModel], text: str) -> bool:
    diagnostics = Diagnostics()
    env = dict.fromkeys(re.findall(r"\$\{(\w+)", text), "x")
    node = parse(text.encode(), "example", diagnostics)
    if node is None:
        return False
    builder = Builder(Values(env, diagnostics, folder=Path()), diagnostics)
    return builder.build(model, node, node.place, "") is not None and not diagnostics


def _optional(option: Option) -> str:
    """The comment's value: the default, or an example if there is none."""
    if option.examples and option.default in {"null", "{}", "[]", ""}:
        return option.examples[0]
    return option.default or "null"


def _placeholder(provider: str, option: Option) -> str:
    if option.examples:
        return option.examples[0]
    if option.type == "date or time, UTC":
        late = re.search(r"(^|_)(to|end|until|finish|stop)$", option.key)
        return "2017-01-01" if late else "2016-12-01"
    if option.type.startswith("`"):
        return option.type.split("`")[1]
    if option.type.startswith("list of "):
        inner = option.type.removeprefix("list of ")
        value = (
            inner.split("`")[1] if inner.startswith("`") else _PLACEHOLDERS.get(inner, "your-{key}")
        )
        return f"[{value.format(key=option.key, variable='')}]"
    variable = re.sub(r"\W", "_", f"{provider}_{option.key}").upper()
    words = option.type.split(" or ")[0] if option.type not in _PLACEHOLDERS else option.type
    return _PLACEHOLDERS.get(words, "your-{key}").format(key=option.key, variable=variable)
