"""A YAML document as a tree of nodes with locations."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from backhaul.config.diagnostics import Place


@dataclass(frozen=True, slots=True, eq=False)
class ScalarNode:
    """A scalar: string, number, boolean, date or null.

    Attributes:
        value: the value, as YAML resolves it.
        text: the source text.
        broken: the value is invalid, and the error has been reported.
    """

    place: Place
    value: Any
    text: str = field(repr=False)
    broken: bool = False


class ListNode(NamedTuple):
    """A list.

    Attributes:
        size: the number of nodes, with aliases expanded; counted only by ``compose``.
        height: the number of levels, likewise.
    """

    place: Place
    items: tuple["Node", ...]
    size: int = 1
    height: int = 1


class Entry(NamedTuple):
    """A key and its value."""

    place: Place
    node: "Node"


class MapNode(NamedTuple):
    """A mapping; merge keys (``<<``) are already expanded. ``size`` and ``height`` are as for a list."""

    place: Place
    entries: dict[str, Entry]
    size: int = 1
    height: int = 1


Node = ScalarNode | ListNode | MapNode


def kind(node: Node) -> str:
    """A node's type, for messages."""
    if isinstance(node, MapNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    if isinstance(node.value, bool):
        return "a boolean"
    names = {int: "an integer", float: "a decimal number", str: "a string", type(None): "empty"}
    return names.get(type(node.value), "a date")


def walk(node: Node, steps: tuple[str | int, ...]) -> Iterator[tuple[str | int, Place, Node]]:
    """Follow keys and indexes as far as possible; yields each step with its location and node.

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
