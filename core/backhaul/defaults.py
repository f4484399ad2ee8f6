"""Defaults for what the user does not specify."""

from typing import Final, Literal

CONFIG: Final = "backhaul.yaml"
"""The configuration file, in the current folder."""

SCHEMA: Final = "backhaul.schema.json"
"""The JSON Schema, next to the configuration: `init` refers to it in the first line, `schema` writes it."""

WORKERS: Final[Literal["auto"] | int] = "auto"
"""Number of processes that fetch and verify files."""
