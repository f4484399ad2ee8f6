"""Resolves YAML scalars by the rules of ``yaml.safe_load``, without its pitfalls."""

import re
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

_TAG = "tag:yaml.org,2002:"
_KNOWN = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp"))
_ODD = re.compile(r"[-+]?(?:0[0-9_]+|0b.*|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)")


class ScalarError(ValueError):
    """An invalid scalar; ``remedy`` says what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


class Scalars(SafeConstructor, Resolver):
    """Resolves scalars by YAML's rules."""

    def __init__(self) -> None:
        SafeConstructor.__init__(self)
        Resolver.__init__(self)

    def read(self, text: str, tag: str | None = None, *, plain: bool = True) -> Any:
        """Returns the value of a scalar's text.

        Args:
            text: the text in the file, without quotes and escapes.
            tag: the explicit tag, such as ``!!int``, in its long form.
            plain: whether the text is unquoted.

        Raises:
            ScalarError: an invalid date, an ambiguous number, or an unknown tag.
        """
        if tag is None or tag == "!":
            untagged: str = self.resolve(  # type: ignore[no-untyped-call]  # missing in the stubs
                yaml.ScalarNode, text, (plain and tag is None, not plain or tag == "!")
            )
            tag = untagged if untagged in _KNOWN else _TAG + "str"
        elif tag not in _KNOWN:
            raise ScalarError("tags (!name) are not supported", "quote the value if it is a string")
        if tag == _TAG + "str":
            return text
        return self._construct(text, tag)

    def _construct(self, text: str, tag: str) -> Any:
        number = tag in {_TAG + "int", _TAG + "float"}
        if number and _ODD.fullmatch(text):
            raise ScalarError(
                "YAML parsers read this number differently (octal, base 60)",
                "quote it if it is a string, or write it without leading zeros and colons",
            )
        try:
            value = self.yaml_constructors[tag](self, yaml.ScalarNode(tag, text))
        except (ValueError, OverflowError, KeyError, AttributeError, IndexError, TypeError):
            # PyYAML raises these for 2016-13-45, a number of 5,000 digits, or `!!bool maybe`
            what = "not a valid date" if tag == _TAG + "timestamp" else "not a valid value"
            raise ScalarError(what, "quote it if it is a string") from None
        if isinstance(value, float) and not (abs(value) < float("inf")):
            raise ScalarError("not a valid number", "quote it if it is a string")
        return value
