"""Builds pydantic models from node mappings, with the location of each error."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backhaul.config.describe import keys_at
from backhaul.config.diagnostics import Diagnostics, Place, quote, suggest
from backhaul.config.messages import TEXT_ERRORS, describe_error, join
from backhaul.config.nodes import MapNode, ScalarNode, walk
from backhaul.config.values import Values

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]


class Builder:
    """Builds models from nodes; errors are added to the diagnostics."""

    def __init__(self, values: Values, diagnostics: Diagnostics) -> None:
        self._values = values
        self._diagnostics = diagnostics

    def build(
        self, model: type[M], node: MapNode, place: Place, path: str, context: Any = None
    ) -> M | None:
        """Builds the model, or returns None after adding the errors to the diagnostics.

        A value from variables is first validated as a string, and if that fails, as YAML would
        read it: ``${PORT}`` may be a number, and a password of digits remains a string.

        Args:
            model: the model's class.
            node: the keys.
            place: the location for missing keys.
            path: the mapping's name in messages: ``jobs.worldcup``.
            context: passed to the model's validators as ``info.context``.
        """
        data = self._values.of(node)
        first = _attempt(model, data, context)
        if not isinstance(first, list):
            return first
        refused = {each["loc"]: each for each in first}
        if not self._reread(data, node, first):
            self._tell(model, node, place, path, first)
            return None
        second = _attempt(model, data, context)
        if not isinstance(second, list):
            # an invalid value reads as an empty string, which a field may accept
            return second
        errors = [
            refused.get(each["loc"], each) if each["type"] in TEXT_ERRORS else each
            for each in second
        ]
        self._tell(model, node, place, path, errors)
        return None

    def _reread(self, data: Any, root: MapNode, errors: list[Any]) -> bool:
        changed = False
        for error in errors:
            steps = list(walk(root, error["loc"]))
            if not steps:
                continue
            last, _, node = steps[-1]
            if isinstance(node, ScalarNode) and self._values.from_variables(node):
                holder = data
                for step, _, _ in steps[:-1]:
                    holder = holder[step]
                holder[last] = self._values.reread(node)
                changed = True
        return changed

    def _tell(
        self, model: type[BaseModel], root: MapNode, place: Place, path: str, errors: list[Any]
    ) -> None:
        found: dict[tuple[Place, str], list[tuple[str, str]]] = {}
        for error in errors:
            where, at, message = self._one(model, root, place, error)
            if message is not None:
                full = ".".join([path, *map(str, at)] if path else map(str, at))
                found.setdefault((where, full), []).append(message)
        for (where, full), messages in found.items():
            # several errors for one value come from the branches of a union
            whats = dict.fromkeys(what for what, _ in messages)
            remedies = dict.fromkeys(remedy for _, remedy in messages if remedy)
            self._diagnostics.add(where, join(full, ", or ".join(whats)), ", or ".join(remedies))

    def _one(
        self, model: type[BaseModel], root: MapNode, place: Place, error: Any
    ) -> tuple[Place, Loc, tuple[str, str] | None]:
        loc: Loc = error["loc"]
        steps = list(walk(root, loc))
        at: Loc = tuple(step for step, _, _ in steps)
        key_place, node = (steps[-1][1], steps[-1][2]) if steps else (place, root)
        if error["type"] == "missing":
            what = f"missing key {quote(str(loc[-1]))}"
            return key_place, at, (what, "add it")
        if error["type"] == "extra_forbidden":
            key = str(loc[-1])
            remedy = suggest(key, keys_at(model, loc[:-1]), kind="keys")
            return key_place, at[:-1], (f"unknown key {quote(key)}", remedy)
        if self._values.broken(node) or self._values.is_unset(node):
            return node.place, at, None
        message = describe_error(error, node, from_variables=self._values.from_variables(node))
        return (node.place if at else place), at, message


def _attempt(model: type[M], data: Any, context: Any) -> M | list[Any]:
    try:
        return model.model_validate(data, by_alias=True, by_name=False, context=context)
    except ValidationError as error:
        return list(error.errors(include_url=False, include_input=False))
