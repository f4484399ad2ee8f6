"""A string that is never printed."""

from typing import Any


class Secret:
    """A password, key or token. Prints as ``***``; ``reveal()`` returns the text.

    Deliberately not a ``str``: ``+``, ``join`` and ``json.dumps`` would use a subclass's text directly.
    Equal to another Secret with the same text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Returns the text; use it only in the request that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    @classmethod
    def _checked(cls, value: "Secret | str") -> "Secret":
        secret = value if isinstance(value, cls) else cls(str(value))
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
                [core_schema.is_instance_schema(cls), core_schema.str_schema(strict=True)],
                custom_error_type="secret_type",
                custom_error_message="Input should be a string; quote it",
            ),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """A string that editors should not display."""
        del schema, handler
        return {"type": "string", "format": "password"}
