"""A string that is never printed."""

import threading
from typing import Any

from backhaul.stored_secret import StoredSecret, parse_stored

_reading = threading.Lock()  # a command that prompts the user is run only once


class Secret:
    """A password, key or token. Prints as ``***``; ``reveal()`` returns the text.

    Not a subclass of ``str``, whose text ``+``, ``join`` and ``json.dumps`` would use directly. Two secrets with the
    same text are equal.
    """

    __slots__ = ("_stored", "_text")

    def __init__(self, text: str) -> None:
        self._text: str | None = text
        self._stored: StoredSecret | None = None

    @classmethod
    def of(cls, stored: StoredSecret) -> "Secret":
        """A secret that is stored elsewhere, and is read when first revealed."""
        secret = cls("")
        secret._text, secret._stored = None, stored
        return secret

    @property
    def is_read(self) -> bool:
        """Whether the text is known: ``reveal`` will not read a file or run a command."""
        return self._text is not None

    def reveal(self) -> str:
        """Returns the text; use it only in the request that needs it.

        Raises ConfigError if it is stored elsewhere and cannot be read.
        """
        if self._text is None and self._stored is not None:
            with _reading:
                if self._text is None:
                    self._text = self._stored.read()
        return self._text or ""

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return self._stored is not None or bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash((Secret, self._identity))

    @property
    def _identity(self) -> "str | StoredSecret | None":
        """What distinguishes secrets: where they are stored, or else their text."""
        return self._stored or self._text

    @classmethod
    def _checked(cls, value: "Secret | str | dict[Any, Any]") -> "Secret":
        if isinstance(value, dict):
            return cls.of(parse_stored(value))
        secret = value if isinstance(value, cls) else cls(str(value))
        if not secret.is_read:
            return secret
        if secret.reveal().endswith(("\n", "\r")):
            raise ValueError(
                "should not end in a line break; files and commands often add one: remove it, for"
                " example with printf instead of echo"
            )
        return secret

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Accepts a string, stores a Secret; serializes as ``***``."""
        from pydantic_core import core_schema  # noqa: PLC0415 - avoids importing pydantic with this module

        del source, handler
        return core_schema.no_info_after_validator_function(
            cls._checked,
            core_schema.union_schema(
                [
                    core_schema.is_instance_schema(cls),
                    core_schema.str_schema(strict=True),
                    core_schema.is_instance_schema(dict),
                ],
                custom_error_type="secret_type",
                custom_error_message="Input should be a string; quote it",
            ),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """A string that editors should not display."""
        del schema, handler
        return {
            "anyOf": [
                {"type": "string", "format": "password"},
                {
                    "type": "object",
                    "properties": {"file": {"type": "string"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"command": {"type": "array", "items": {"type": "string"}}},
                    "required": ["command"],
                    "additionalProperties": False,
                },
            ]
        }
