"""Composes nodes from YAML events; limits nesting, aliases and documents."""

import re
from typing import Any, Final

import yaml

from backhaul.config.diagnostics import Diagnostics, Place, quote
from backhaul.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from backhaul.config.scalars import ScalarError, Scalars

MAX_DEPTH = 32
"""Maximum nesting depth."""
MAX_NODES = 100_000
"""Maximum number of keys and values in a file, with aliases expanded."""

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"

_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAP_TAG = "tag:yaml.org,2002:map"
_SEQ_TAG = "tag:yaml.org,2002:seq"
_OPENER = re.compile(r"[\[{]|[-?](?=\s)")  # starts a level
_OPENERS_AND_KEYS = re.compile(r"(?:[\[{\s]|[-?]\s|[\w.-]+:\s)*")


class StopReadingError(Exception):
    """Reading cannot continue; the reason is in the diagnostics."""


class Composer:
    """Composes one document; records errors and continues where possible."""

    def __init__(
        self, text: str, file: str, diagnostics: Diagnostics, loader: Any = _Loader
    ) -> None:
        self._events = loader(text)
        self._text = text
        self._file = file
        self._diagnostics = diagnostics
        self._scalars = Scalars()
        self._anchors: dict[str, Node | None] = {}  # None: not complete yet
        self._nodes = 0
        self._open = 0  # number of open lists and mappings
        self._read_to: Any = None  # the mark after the last event

    def document(self) -> Node | None:
        """Return the root node, or None if there is no document.

        Raises:
            StopReadingError: a limit was exceeded; the reason is in the diagnostics.
            yaml.MarkedYAMLError: the text is not valid YAML.
        """
        try:
            return self._document()
        except yaml.MarkedYAMLError as error:
            self._check_depth_ahead(error.problem_mark)
            raise
        finally:
            self._events.dispose()

    def _document(self) -> Node | None:
        root = None
        while self._events.check_event():
            event = self._next()
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    what = "a second document starts here"
                    self._stop(self._place(event), what, "put each document in its own file")
                root = self._node(self._next(), 1)
        return root

    def _next(self) -> Any:
        event = self._events.get_event()
        if isinstance(event, yaml.CollectionStartEvent):
            self._open += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open -= 1
        self._read_to = event.end_mark
        return event

    def _check_depth_ahead(self, stopped: Any) -> None:
        """Stop at the first level that is too deep if the parser, which reads ahead, hit its own limit."""
        if self._read_to is None or stopped is None:
            return
        ahead = self._text[self._read_to.index : stopped.index]
        levels = list(_OPENER.finditer(ahead))
        if self._open + len(levels) > MAX_DEPTH and _OPENERS_AND_KEYS.fullmatch(ahead):
            before = ahead[: levels[MAX_DEPTH - self._open].start()]
            line = self._read_to.line + before.count("\n")
            column = len(before) - (before.rfind("\n") + 1)
            column += self._read_to.column if "\n" not in before else 0
            self._stop(Place(self._file, line + 1, column + 1), _TOO_DEEP, "flatten it")

    def _place(self, event: Any) -> Place:
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _stop(self, place: Place, what: str, remedy: str) -> None:
        self._diagnostics.add(place, what, remedy)
        raise StopReadingError

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._count(event, 1, alias=False)
        if depth > MAX_DEPTH:
            self._stop(self._place(event), _TOO_DEEP, "flatten it")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, _SEQ_TAG)
            node = self._list(event, depth)
        else:
            self._check_tag(event, _MAP_TAG)
            node = self._map(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _count(self, event: yaml.Event, more: int, *, alias: bool) -> None:
        self._nodes += more
        if self._nodes > MAX_NODES:
            what = "the aliases expand to" if alias else "the file has"
            remedy = "use fewer aliases" if alias else "split the file; run takes several"
            self._stop(
                self._place(event), f"{what} more than {MAX_NODES:,} keys and values", remedy
            )

    def _alias(self, event: Any, depth: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            known = event.anchor in self._anchors
            what = "contains itself" if known else "refers to an undefined anchor (&name)"
            self._stop(
                self._place(event),
                f"this alias (*name) {what}",
                "quote the value if it is a string",
            )
            raise AssertionError  # _stop raises; this is for the type checkers
        size, height = _extent(node)
        self._count(event, size, alias=True)
        if depth + height - 1 > MAX_DEPTH:
            self._stop(
                self._place(event), f"this alias nests deeper than {MAX_DEPTH} levels", "flatten it"
            )
        return node

    def _check_tag(self, event: Any, usual: str) -> None:
        if event.tag not in {None, "!", usual}:
            what = "tags (!name) are not supported"
            self._diagnostics.add(self._place(event), what, "remove the tag")

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        place, text = self._place(event), event.value
        plain = event.tag is None and event.implicit[0]
        broken = False
        try:
            value = self._scalars.read(text, event.tag, plain=plain)
        except ScalarError as error:
            self._diagnostics.add(place, str(error), error.remedy)
            value, broken = text, True
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            what = "this escape is not allowed in a string"
            self._diagnostics.add(place, what, "remove the escape (\\0, \\x00, \\ud800 and so on)")
            value, broken = "", True
        return ScalarNode(place, value, text, broken)

    def _list(self, event: yaml.Event, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(following := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(following, depth + 1))
        extents = [_extent(item) for item in items]
        size = 1 + sum(size for size, _ in extents)
        height = 1 + max((height for _, height in extents), default=0)
        return ListNode(self._place(event), tuple(items), size, height)

    def _map(self, event: yaml.Event, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        merges, size, height = False, 1, 1
        while not isinstance(following := self._next(), yaml.MappingEndEvent):
            key = self._node(following, depth + 1)
            value = self._node(self._next(), depth + 1)
            below, levels = _extent(value)
            size, height = size + 1 + below, max(height, 1 + levels)
            place = self._place(following)
            if (
                isinstance(following, yaml.ScalarEvent)
                and following.implicit[0]
                and following.value == "<<"
            ):
                if merges:
                    self._diagnostics.add(place, 'duplicate key "<<"', "merge a list of mappings")
                merges = True
                self._merge(value, place, merged)
            else:
                self._enter(key, Entry(place, value), entries)
        return MapNode(
            self._place(event), {**merged, **entries} if merged else entries, size, height
        )

    def _enter(self, key: Node, entry: Entry, entries: dict[str, Entry]) -> None:
        if not isinstance(key, ScalarNode) or not isinstance(key.value, str):
            read = (
                "a string"
                if not isinstance(key, ScalarNode)
                else f"a string: quote {quote(key.text)}"
            )
            self._diagnostics.add(entry.place, f"a key should be {read}", "")
        elif key.value in entries:
            first = entries[key.value].place.line
            what = f"duplicate key {quote(key.value)}"
            self._diagnostics.add(
                entry.place, what, f"keep one of them; the first is on line {first}"
            )
        else:
            entries[key.value] = entry

    def _merge(self, node: Node, place: Place, merged: dict[str, Entry]) -> None:
        for each in node.items if isinstance(node, ListNode) else (node,):
            if not isinstance(each, MapNode):
                self._diagnostics.add(place, "<< can merge only mappings", "write <<: *name")
                return
            for key, entry in each.entries.items():
                merged.setdefault(key, entry)


def _extent(node: Node) -> tuple[int, int]:
    """The number of nodes, with aliases expanded, and the number of levels."""
    return (1, 1) if isinstance(node, ScalarNode) else (node.size, node.height)
