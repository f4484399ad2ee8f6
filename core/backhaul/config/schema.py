"""Generates the JSON Schema of the YAML from the models of the core and all installed providers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.json_schema import GenerateJsonSchema

from backhaul.config.describe import as_span, keys_at
from backhaul.config.read import VERSION, JobKeys, SourceKeys
from backhaul.config.settings import Settings
from backhaul.moments import Moment
from backhaul.names import MAX_JOB
from backhaul.types import ProviderInfo

Schema = dict[str, Any]

_VARIABLE: Final = {"$ref": "#/$defs/variable"}
_LIMITS: Final = frozenset({"pattern", "enum", "const", "maxLength"})
_NOTES: Final[tuple[str, ...]] = ("title", "description", "default", "examples", "deprecated")


def schema(providers: Mapping[str, ProviderInfo]) -> Schema:
    """JSON Schema (draft 2020-12) of a YAML file.

    Args:
        providers: the installed providers by name.
    """
    defs: Schema = {
        "variable": {
            "type": "string",
            "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:[-?][^}]*)?\}",
            "description": "an environment variable: ${NAME}, ${NAME:-default} or ${NAME:?message}",
        },
        "settings": _model(Settings, "settings"),
    }
    for name, info in providers.items():
        defs[f"{name}.source"] = _with(
            _model(info.source, f"{name}.source"), SourceKeys, provider=name
        )
        defs[f"{name}.job"] = _with(_model(info.job, f"{name}.job"), JobKeys)
        for key in ("source", "job"):
            for inner, value in defs[f"{name}.{key}"].pop("$defs", {}).items():
                defs[f"{name}.{key}.{inner}"] = value
    for inner, value in defs["settings"].pop("$defs").items():
        defs[f"settings.{inner}"] = value
    defs["source"] = _sources(providers)
    defs["job"] = {"type": "object", "anyOf": [_ref(f"{name}.job") for name in providers] or [True]}
    job_name = {"type": "string", "pattern": r"^[^./\\-][^/\\]*$", "maxLength": MAX_JOB}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "backhaul",
        "description": "Accounts at providers, and the archives to fetch from them.",
        "type": "object",
        "required": ["sources"],
        "properties": {
            "version": {"const": VERSION, "description": "Version of this file's format."},
            "settings": {
                "anyOf": [_ref("settings"), {"type": "null"}],
                "description": "How a run behaves.",
            },
            "sources": {
                "type": "object",
                "description": "Accounts at providers, by any name.",
                "minProperties": 1,
                "additionalProperties": _ref("source"),
            },
            "jobs": {
                "description": "Archives to fetch. A job's name is also its folder's name, below dest.",
                "type": ["object", "null"],
                "propertyNames": job_name,
                "additionalProperties": _ref("job"),
            },
        },
        "patternProperties": {"^x-": {"description": "For YAML anchors; otherwise ignored."}},
        "additionalProperties": False,
        "$defs": defs,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _sources(providers: Mapping[str, ProviderInfo]) -> Schema:
    provider = _model(SourceKeys, "common")["properties"]["provider"]
    provider = {**provider, "examples": list(providers)}
    return {
        "type": "object",
        "required": ["provider"],
        "properties": {"provider": provider},
        "allOf": [
            {
                "if": {"properties": {"provider": {"const": name}}, "required": ["provider"]},
                "then": _ref(f"{name}.source"),
            }
            for name in providers
        ],
    }


def _with(own: Schema, common: type[BaseModel], *, provider: str | None = None) -> Schema:
    """A provider's own keys together with the common keys."""
    shared = _model(common, "common")
    properties = {**shared["properties"], **own.get("properties", {})}
    if provider is not None:
        properties["provider"] = {"const": provider}
    return {
        **own,
        "properties": properties,
        "required": [*shared.get("required", []), *own.get("required", [])],
    }


def _model(model: type[BaseModel], prefix: str) -> Schema:
    """A model's schema that allows a variable for every value, without generated titles."""
    try:
        made = model.model_json_schema(
            ref_template=f"#/$defs/{prefix}.{{model}}", schema_generator=_Generator
        )
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError) as error:
        # a provider's type that JSON Schema does not support: only its keys are known
        note = f"only the keys' names are known: {type(error).__name__}"
        return {
            "type": "object",
            "properties": {key: {"$comment": note} for key in keys_at(model, ())},
            "additionalProperties": False,
        }
    return _Opened(made.get("$defs", {})).whole(made)


class _Generator(GenerateJsonSchema):
    """Writes defaults as in YAML."""

    def encode_default(self, dft: Any) -> Any:
        """The default of a key."""
        if isinstance(dft, timedelta):
            return as_span(dft)
        return str(dft) if isinstance(dft, Moment) else super().encode_default(dft)


class _Opened:
    """A schema that also allows variables, for scalars but not for mappings or lists."""

    def __init__(self, defs: Schema) -> None:
        self._defs = defs

    def whole(self, made: Schema) -> Schema:
        defs = {name: self._inner(value) for name, value in self._defs.items()}
        return {**self._inner(made), "$defs": defs}

    def _inner(self, node: Schema) -> Schema:
        node = {key: value for key, value in node.items() if key not in {"title", "$defs"}}
        if "properties" in node:
            node["properties"] = {
                key: self._value(value) for key, value in node["properties"].items()
            }
        for key in ("additionalProperties", "items", "contains"):
            if isinstance(node.get(key), dict):
                node[key] = self._value(node[key])
        for key in ("prefixItems", "anyOf", "oneOf", "allOf"):
            if key in node:
                node[key] = [self._inner(value) for value in node[key]]
        return node

    def _value(self, node: Schema) -> Schema:
        node = self._inner(node)
        if not self._rejects_text(node):
            return node
        notes = {key: node[key] for key in _NOTES if key in node}
        rest = {key: value for key, value in node.items() if key not in notes}
        choices = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
        return {**notes, "anyOf": [*choices, _VARIABLE]}

    def _rejects_text(self, node: Schema) -> bool:
        """Whether the schema allows a scalar, but would reject text such as ``${NAME}``."""
        if self._container(node) or not set(node) - set(_NOTES):
            return False
        branches = node.get("anyOf") or node.get("oneOf")
        if branches:
            return all(self._rejects_text(branch) or self._container(branch) for branch in branches)
        any_text = "string" in _types(node) and _LIMITS.isdisjoint(node)
        return not (any_text and node.get("format") in {None, "password"})

    def _container(self, node: Schema) -> bool:
        if "$ref" in node:
            node = self._defs.get(node["$ref"].rpartition(".")[2], {})
        return bool(_types(node)) and _types(node) <= {"object", "array"}


def _types(node: Schema) -> set[str]:
    types = node.get("type", [])
    return {types} if isinstance(types, str) else set(types)
