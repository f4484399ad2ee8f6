"""Converts nodes to plain values and substitutes variables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backhaul.config.diagnostics import Diagnostics
from backhaul.config.interpolate import InterpolationError, has_variables, interpolate
from backhaul.config.nodes import ListNode, MapNode, Node, ScalarNode
from backhaul.config.scalars import ScalarError, Scalars
from backhaul.stored_secret import KEYS, StoredKeys

_SCALARS = Scalars()


class Values:
    """Converts nodes to values; tracks which come from variables and which are broken.

    A variable's value is a string. Only the field knows whether it should be a number, a boolean
    or a date; for these, ``reread`` parses the string as YAML.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        diagnostics: Diagnostics,
        *,
        folder: Path,
        keep_unset: bool = False,
    ) -> None:
        self._folder = folder
        self._env = env
        self._diagnostics = diagnostics
        self._keep_unset = keep_unset
        self._texts: dict[ScalarNode, str] = {}
        self._broken: set[ScalarNode] = set()

    def of(self, node: Node) -> Any:
        """The value of a node and everything below it."""
        if isinstance(node, MapNode):
            found = {key: self.of(entry.node) for key, entry in node.entries.items()}
            if len(found) == 1 and found.keys() <= KEYS:  # it may be a secret
                return StoredKeys(found, place=str(node.place), folder=self._folder)
            return found
        if isinstance(node, ListNode):
            return [self.of(item) for item in node.items]
        if isinstance(node.value, str) and has_variables(node.value) and not node.broken:
            return self._interpolated(node, node.value)
        return node.value

    def _interpolated(self, node: ScalarNode, text: str) -> str:
        if node not in self._texts:
            try:
                self._texts[node] = interpolate(text, self._env, keep_unset=self._keep_unset)
            except InterpolationError as error:
                for what, remedy in error.faults:
                    self._diagnostics.add(node.place, what, remedy)
                self._broken.add(node)
                self._texts[node] = ""
        return self._texts[node]

    def broken(self, node: Node) -> bool:
        """Whether an error of the node, or of a value below it, has already been reported.

        An error of a mapping as a whole may only follow from a value in it that reads as empty.
        """
        if isinstance(node, MapNode):
            return any(self.broken(entry.node) for entry in node.entries.values())
        if isinstance(node, ListNode):
            return any(map(self.broken, node.items))
        return node.broken or node in self._broken

    def is_unset(self, node: Node) -> bool:
        """Whether the value still has unset variables, as it may offline. Records an error for each."""
        if (
            not self._keep_unset
            or not isinstance(node, ScalarNode)
            or not self.from_variables(node)
        ):
            return False
        try:
            interpolate(node.text, self._env)
        except InterpolationError as error:
            for what, remedy in error.faults:
                self._diagnostics.add(node.place, what, remedy)
            return True
        return False

    def from_variables(self, node: Node) -> bool:
        """Whether the value comes from variables."""
        return isinstance(node, ScalarNode) and node in self._texts

    def reread(self, node: ScalarNode) -> Any:
        """The value, parsed as if the variables' text were in the file."""
        try:
            return _SCALARS.read(self._texts[node].strip())
        except ScalarError:
            return self._texts[node]
