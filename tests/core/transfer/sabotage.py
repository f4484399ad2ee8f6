"""An unexpected error in a thread, here or in another process."""

import importlib
import pickle
from typing import Any


def raise_it(*_: Any, **__: Any) -> Any:
    """What a broken method does."""
    raise NameError("name 'sabotage' is not defined")


def found(method: str) -> tuple[type, str]:
    """The class and the name of a method, such as ``thread.TransferThread._run``, below transfer/."""
    module, kind, name = method.rsplit(".", 2)
    its: type = getattr(importlib.import_module(f"backhaul.transfer.{module}"), kind)
    return its, name


def _broken(method: str, context: bytes) -> Any:
    setattr(*found(method), raise_it)
    return pickle.loads(context)


class Breaking:
    """A pickled value that breaks a method where it is unpickled."""

    def __init__(self, method: str, context: bytes) -> None:
        self._method, self._context = method, context

    def __reduce__(self) -> tuple[Any, ...]:
        return _broken, (self._method, self._context)
