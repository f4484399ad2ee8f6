"""A YAML document as a tree of nodes with their locations."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from backhaul.config.diagnostics import Place


@dataclass(frozen=True, slots=True, eq=False)
class ScalarNode:
    """A scalar: string, number, boolean, date or null.

    Attributes:
        value: the value as read by YAML.
        text: the text in the file.
        broken: the value is invalid, which is already in the diagnostics.
    """

    place: Place
    value: Any
    text: str = field(repr=False)
    broken: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ListNode:
    """A list. ``size`` is the number of nodes below, aliases expanded; ``height`` the levels."""

    place: Place
    items: tuple["Node", ...]
    size: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A key with its value."""

    place: Place
    node: "Node"


@dataclass(frozen=True, slots=True, eq=False)
class MapNode:
    """A mapping; merge keys (``<<``) are already expanded."""

    place: Place
    entries: dict[str, Entry] = field(repr=False)
    size: int
    height: int


Node = ScalarNode | ListNode | MapNode


def extent(node: Node) -> tuple[int, int]:
    """Number of nodes, aliases expanded, and number of levels."""
    return (1, 1) if isinstance(node, ScalarNode) else (node.size, node.height)


def kind(node: Node) -> str:
    """A node's kind, for messages."""
    if isinstance(node, MapNode):
        return "a mapping of keys"
    if isinstance(node, ListNode):
        return "a list"
    if isinstance(node.value, bool):
        return "a truth value"
    names = {int: "a whole number", float: "a decimal number", str: "a text", type(None): "empty"}
    return names.get(type(node.value), "a date")


def walk(node: Node, steps: tuple[str | int, ...]) -> Iterator[tuple[str | int, Place, Node]]:
    """Follow keys and indexes as far as possible; yields each step, its key's place and its node.

    Skips steps that are not in the tree (pydantic adds the branch of a union).
    """
    for step in steps:
        if isinstance(node, MapNode) and step in node.entries:
            entry = node.entries[str(step)]
            node = entry.node
            yield step, entry.place, node
        elif isinstance(node, ListNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            yield step, node.place, node
