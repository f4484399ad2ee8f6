"""``dataclass`` for slotted values: the standard library's, but quick to import and quick to make.

The standard library compiles six methods for each frozen class, 1.5 ms a class; a hundred classes are
a third of what a short command takes. And it sets each field of a frozen value by a call of
``object.__setattr__``: 5 us for a RemoteFile, of which a run may make a million. Here the methods are
shared, ``__init__`` is compiled when a class is first used, and a value is of a twin class with the
same slots, which is not frozen, while its fields are set. To type checkers, and to ``fields``,
``replace``, ``asdict``, ``copy`` and ``pickle``, these are dataclasses like any other.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
else:

    def dataclass(
        *,
        frozen: bool = False,
        kw_only: bool = False,
        eq: bool = True,
        order: bool = False,
        slots: bool = True,
    ) -> Callable[[type], type]:
        """As ``dataclasses.dataclass``; always with slots, and without ``__post_init__``."""
        if not slots:
            raise TypeError("use dataclasses.dataclass for a class without slots")

        def decorate(written: type) -> type:
            if written.__doc__ is None:
                written.__doc__ = written.__name__  # or the signature would be asked for
            made = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=True, kw_only=kw_only
            )(written)
            methods: dict[str, Any] = {"__repr__": _repr}
            if frozen:
                methods |= _FROZEN
            if eq:
                methods |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
            if order:
                methods["__lt__"] = _lt
            for name, method in methods.items():
                if written.__dict__.get(name) is None:
                    setattr(made, name, method)
            setattr(made, _COMPARED, _Compared())
            made.__init__ = _Init(made, frozen=frozen)
            return made

        return decorate


_COMPARED = "_compared"

# ``self.__class__ = other`` for an object whose own class refuses every assignment.
_become: Callable[[object, type], None] = object.__dict__["__class__"].__set__


def _fields(of: Any) -> "tuple[dataclasses.Field[Any], ...]":
    return dataclasses.fields(of)


class _Compared:
    """Gives a value's compared fields as one tuple."""

    def __get__(self, value: object, owner: type) -> Callable[[object], object]:
        names = [each.name for each in _fields(owner) if each.compare]
        getter = attrgetter(*names) if names else lambda _: ()
        setattr(owner, _COMPARED, staticmethod(getter))
        return getter


class _Init:
    """Stands where ``__init__`` will: compiles it when it is asked for."""

    def __init__(self, owner: type, *, frozen: bool) -> None:
        self._owner = owner
        self._frozen = frozen

    def __get__(self, value: object, owner: type) -> Any:
        made = self._owner
        function = _compile_init(made, frozen=self._frozen)
        made.__init__ = function  # type: ignore[misc]  # what this is for
        return function if value is None else function.__get__(value, owner)


def _compile_init(made: type, *, frozen: bool) -> Any:
    names: dict[str, Any] = {
        "_become": _become,
        "_Own": made,
        "_set": object.__setattr__,
        "_type": type,
    }
    names["_Twin"] = type(made.__name__, (), {"__slots__": made.__slots__})  # type: ignore[attr-defined]  # slotted
    names["_absent"] = object()
    parameters = ["self"]
    values = {}
    fields = _fields(made)
    for each in fields:
        name = values[each.name] = each.name
        default = f"_default_{name}"
        if each.default_factory is not MISSING:
            names[default] = each.default_factory
            values[name] = f"{default}() if {name} is _absent else {name}"
        elif each.default is not MISSING:
            names[default] = each.default
        if each.kw_only and "*" not in parameters:
            parameters.append("*")
        if each.default_factory is not MISSING:
            parameters.append(f"{name}=_absent")
        else:
            parameters.append(name if each.default is MISSING else f"{name}={default}")
    lines = [f"def __init__({', '.join(parameters)}):"]
    if frozen:
        lines.append(" if _type(self) is not _Own:")
        lines += [f"  _set(self, {name!r}, {value})" for name, value in values.items()]
        lines += ["  return", " _become(self, _Twin)"]
    lines += [f" self.{name} = {value}" for name, value in values.items()]
    lines.append(" self.__class__ = _Own" if frozen else " return")
    exec("\n".join(lines), names)  # noqa: S102 - as dataclasses itself does; nothing in it is from outside
    function = names["__init__"]
    function.__qualname__ = f"{made.__qualname__}.__init__"
    function.__annotations__ = {each.name: each.type for each in fields} | {"return": None}
    return function


def _refuse_set(self: object, name: str, value: object) -> None:  # noqa: ARG001 - Python's signature
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(self: object, name: str) -> None:  # noqa: ARG001 - Python's signature
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: object) -> list[object]:
    return [getattr(self, each.name) for each in _fields(self)]


def _restore(self: object, state: Iterable[object]) -> None:
    for each, value in zip(_fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


@recursive_repr()
def _repr(self: object) -> str:
    shown = [each.name for each in _fields(self) if each.repr]
    return f"{type(self).__qualname__}({', '.join(f'{n}={getattr(self, n)!r}' for n in shown)})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self._compared(self) == self._compared(other)


def _lt(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self._compared(self) < self._compared(other)


def _hash(self: Any) -> int:
    return hash(self._compared(self))


_FROZEN = {
    "__setattr__": _refuse_set,
    "__delattr__": _refuse_delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}
