"""Converts a Python mapping to nodes, as if it had been read from a file."""

import os
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from backhaul.config.diagnostics import Diagnostics, Place
from backhaul.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode

_DEEPEST: Final = 64
_KEYS = "use strings as keys"
_VALUES = "use strings, numbers, booleans, dates, lists and mappings"


def from_mapping(given: Mapping[str, Any], diagnostics: Diagnostics) -> MapNode:
    """Returns the tree; values that YAML does not support are errors. A node's place is its path."""
    node = _Tree(diagnostics).node(given, "", 0)
    assert isinstance(node, MapNode)  # noqa: S101 - built from a mapping
    return node


class _Tree:
    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics

    def node(self, value: Any, path: str, depth: int) -> Node:
        place = Place(path or "configuration", 0, 0)
        if depth > _DEEPEST:
            self._diagnostics.add(place, "is nested too deeply", "")
        elif isinstance(value, Mapping):
            return self._map(value, place, path, depth)
        elif isinstance(value, list | tuple):
            items = tuple(
                self.node(each, f"{path}[{number}]", depth + 1) for number, each in enumerate(value)
            )
            return ListNode(place, items)
        elif isinstance(value, os.PathLike):
            text = str(value)
            return ScalarNode(place, text, text)
        elif value is None or isinstance(value, str | int | float | date):
            plain = str(value) if isinstance(value, str) else value
            return ScalarNode(place, plain, "" if value is None else str(value))
        else:
            what = f"values of type {type(value).__name__} are not allowed in a configuration"
            self._diagnostics.add(place, what, _VALUES)
        return ScalarNode(place, None, "", broken=True)

    def _map(self, value: Mapping[Any, Any], place: Place, path: str, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        for key, each in value.items():
            below = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str):
                self._diagnostics.add(Place(below, 0, 0), "a key should be a string", _KEYS)
                continue
            entries[str(key)] = Entry(Place(below, 0, 0), self.node(each, below, depth + 1))
        return MapNode(place, entries)
