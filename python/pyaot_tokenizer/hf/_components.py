"""What the components of a tokenizer.json have in common as objects.

A component is its form in the file: its attributes read and write that. A tokenizer shares the
objects that are assigned to it, as in tokenizers, so what is changed in one shows in the next
encoding; `changes` counts all changes, and a tokenizer looks at its components only once that has
moved on.
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import (
    Any,
    Callable,
    ClassVar,
    Dict,
    Generic,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
    cast,
)

from ..errors import InvalidTypeError, InvalidValueError, UnsupportedError

Form = Dict[str, Any]
"""A component in a tokenizer.json."""

_T = TypeVar("_T")
_C = TypeVar("_C", bound="Component")

# What `repr` writes without quotes, for it is one of a few names; and what it writes as tuples.
_NAMES = ("behavior", "prepend_scheme")
_PAIRS = ("sep", "cls", "merges")


class _Changes:
    count = 0


changes = _Changes()
"""How often any component was changed."""


class Regex:
    """A regular expression in the syntax of Oniguruma, read once a tokenizer has it."""

    __slots__ = ("pattern",)

    def __init__(self, s: str) -> None:
        """Takes the pattern."""
        self.pattern = string(s)


Pattern = Union[str, Regex]
"""What is looked for: the text itself, or what a regular expression matches."""


class Component:
    """A part of a tokenizer."""

    __slots__ = ("_form", "_kept")

    _defaults: ClassVar[Mapping[str, Any]] = {}
    """What files may leave out at the end of the form."""

    _kept: Tuple[int, Any]
    """What was made to run it by itself, and the count of changes at that time."""

    _role: ClassVar[str]
    """The name of the class that all components of its kind have as their base."""

    def __init__(self) -> None:
        """Makes one without settings.

        Raises:
            TypeError: The class is the base of others.
        """
        kind = type(self)
        if kind.__name__ == self._role:
            raise TypeError(f"cannot create '{kind.__module__}.{kind.__name__}' instances")
        self._form: Form = {"type": kind.__name__}

    def _as_form(self) -> Form:
        """What a tokenizer.json has for it."""
        return self._form

    def _read(self, form: Form) -> None:
        """Takes what a tokenizer.json has for it."""
        self._form = {**form, **{k: v for k, v in self._defaults.items() if k not in form}}

    def _changed(self) -> None:
        """To be called behind each change."""
        changes.count += 1

    def __getstate__(self) -> bytes:
        """What a tokenizer.json has for it, as JSON."""
        return json.dumps(self._as_form(), ensure_ascii=False, separators=(",", ":")).encode()

    def __setstate__(self, state: bytes) -> None:
        self._read(json.loads(state))

    def __reduce__(self) -> Tuple[Any, ...]:
        return _restore, (type(self), self.__getstate__())

    def __repr__(self) -> str:
        """The type and the settings."""
        return _show_form(self._as_form(), _REPR)

    def __str__(self) -> str:
        """The same, but of what is long only the beginning."""
        return _show_form(self._as_form(), _STR)


class Sequence(Component):
    """Several components of a kind, one after the other."""

    __slots__ = ("_items",)

    _kind: ClassVar[Type[Component]]
    _key: ClassVar[str]
    _flattens: ClassVar[bool] = True

    def _take(self, items: Iterable[Any]) -> None:
        self._items: List[Component] = []
        for item in items:
            taken = take(item, self._kind)
            inner = taken._items if self._flattens and isinstance(taken, Sequence) else [taken]
            self._items += inner

    def _as_form(self) -> Form:
        return {"type": "Sequence", self._key: [item._as_form() for item in self._items]}

    def _read(self, form: Form) -> None:
        self._items = [of_form(item, self._kind) for item in form[self._key]]


class Indexed(Sequence):
    """A sequence whose items can be had and replaced."""

    __slots__ = ()

    def __getitem__(self, index: int) -> Any:
        """An item.

        Raises:
            IndexError: There are not so many.
        """
        self._check_index(index)
        return self._items[index]

    def __setitem__(self, index: int, value: Any) -> None:
        self._check_index(index)
        self._items[index] = take(value, self._kind)
        self._changed()

    def _check_index(self, index: int) -> None:
        if index < 0:
            raise OverflowError("can't convert negative int to unsigned")
        if index >= len(self._items):
            raise IndexError("Index not found")


class Field(Generic[_T]):
    """An attribute of a component: a value of its form."""

    def __init__(
        self,
        key: str,
        check: Callable[[Any], Any],
        read: Optional[Callable[[Any], _T]] = None,
    ) -> None:
        """Takes its key, what makes the form's value of a given one, and the way back."""
        self._key = key
        self._check = check
        self._read = read

    def __get__(self, component: Component, owner: Any = None) -> _T:
        value = component._as_form().get(self._key)
        return cast(_T, value if self._read is None else self._read(value))

    def __set__(self, component: Component, value: _T) -> None:
        component._as_form()[self._key] = self._check(value)
        component._changed()


def _restore(kind: Type[_C], state: bytes) -> _C:
    self = kind.__new__(kind)
    self.__setstate__(state)
    return self


def of_form(form: Form, kind: Type[_C]) -> _C:
    """The component of a kind that a tokenizer.json has.

    Raises:
        UnsupportedError: There is none of its type.
    """
    name = form.get("type")
    for each in kind.__subclasses__():
        if each.__name__ == name:
            self = each.__new__(each)
            self._read(form)
            return self
    raise UnsupportedError(f"the {kind._role} {name!r} is not supported")


def take(value: Any, kind: Type[_C]) -> _C:
    """A component of a kind; what tokenizers has for one is taken by its form.

    Raises:
        InvalidTypeError: It is none.
        UnsupportedError: tokenizers' is of a type that is not supported.
    """
    if isinstance(value, kind):
        return value
    is_foreign = not isinstance(value, Component) and any(
        base.__name__ == kind._role for base in type(value).__mro__
    )
    if not is_foreign:
        raise InvalidTypeError(
            f"{type(value).__name__!r} object is not an instance of {kind._role!r}"
        )
    try:
        state = value.__getstate__()
    except Exception as error:
        raise UnsupportedError(f"a {kind._role} in Python is not supported: {error}") from error
    return of_form(json.loads(state), kind)


def flag(value: Any) -> bool:
    """A bool, checked."""
    if not isinstance(value, bool):
        raise InvalidTypeError(f"{type(value).__name__!r} object is not an instance of 'bool'")
    return value


def string(value: Any) -> str:
    """A str, checked."""
    if not isinstance(value, str):
        raise InvalidTypeError(f"{type(value).__name__!r} object is not an instance of 'str'")
    return value


def character(value: Any) -> str:
    """A str of one character, checked."""
    if len(string(value)) != 1:
        raise InvalidValueError("expected a string of length 1")
    return string(value)


def count(value: Any) -> int:
    """An int that is not negative, checked."""
    if not isinstance(value, int):
        raise InvalidTypeError(f"{type(value).__name__!r} object cannot be interpreted as an int")
    if value < 0:
        raise OverflowError("can't convert negative int to unsigned")
    return value


def optional(check: Callable[[Any], _T]) -> Callable[[Any], Optional[_T]]:
    """What checks a value that may be None."""
    return lambda value: None if value is None else check(value)


_BEHAVIORS = {
    "removed": "Removed",
    "isolated": "Isolated",
    "merged_with_previous": "MergedWithPrevious",
    "merged_with_next": "MergedWithNext",
    "contiguous": "Contiguous",
}


def behavior_form(value: Any) -> str:
    """What a form has for what becomes of the matches of a pattern."""
    if string(value) not in _BEHAVIORS:
        raise InvalidValueError(
            f"Wrong value for SplitDelimiterBehavior, expected one of: `{', '.join(_BEHAVIORS)}`"
        )
    return _BEHAVIORS[value]


def behavior_name(value: str) -> str:
    """And the way back, which in tokenizers ends at other names."""
    return value.lower()


def scheme(value: Any) -> str:
    """Where a Metaspace puts its sign, checked."""
    if string(value) not in ("first", "never", "always"):
        raise InvalidValueError(
            f"{value} is an unknown variant, should be one of ['first', 'never', 'always']"
        )
    return string(value)


def pattern_form(value: Any) -> Form:
    """What a form has for a pattern."""
    if isinstance(value, Regex):
        return {"Regex": value.pattern}
    return {"String": string(value)}


def no_pattern(value: Any) -> Any:
    """What tokenizers says to whoever asks for a pattern."""
    raise AttributeError("Cannot get pattern")


def fixed_pattern(value: Any) -> Any:
    """What it says to whoever sets one."""
    raise AttributeError("Cannot set pattern, please instantiate a new one instead")


class _Limits(NamedTuple):
    """How much of a list and of a text is written."""

    items: int
    size: int


_REPR = _Limits(99, sys.maxsize)
_STR = _Limits(5, 100)


def _show_form(form: Form, limits: _Limits) -> str:
    fields = [f"{key}={_show(value, key, limits)}" for key, value in form.items() if key != "type"]
    return f"{form['type']}({', '.join(fields)})"


def _show(value: Any, key: str, limits: _Limits) -> str:
    """A value as tokenizers writes it."""
    if isinstance(value, str):
        return value if key in _NAMES else _quoted(value, limits)
    if isinstance(value, list):
        return _show_list(value, key, limits)
    return _show_object(value, key, limits) if isinstance(value, dict) else str(value)


def _show_list(value: List[Any], key: str, limits: _Limits) -> str:
    if key in _PAIRS and value and not isinstance(value[0], list):
        return f"({', '.join(_show(item, '', limits) for item in value)})"
    inner = "sep" if key == "merges" else ""
    return f"[{_joined((_show(item, inner, limits) for item in value), limits)}]"


def _show_object(value: Form, key: str, limits: _Limits) -> str:
    if key in ("vocab", "special_tokens"):
        items = (
            f"{_quoted(name, limits)}:{_show_entry(item, limits)}" for name, item in value.items()
        )
        return f"{{{_joined(items, limits)}}}"
    if "type" in value:
        return _show_form(value, limits)
    # A pattern, or a piece of a template.
    ((name, inner),) = value.items()
    if isinstance(inner, str):
        return f"{name}({_quoted(inner, limits)})"
    sequence = inner["id"] if name == "Sequence" else _quoted(inner["id"], limits)
    return f"{name}(id={sequence}, type_id={inner['type_id']})"


def _show_entry(value: Any, limits: _Limits) -> str:
    if isinstance(value, dict):
        return _show_form({"type": "SpecialToken", **value}, limits)
    return str(value)


def _joined(items: Iterable[str], limits: _Limits) -> str:
    shown = list(itertools.islice(items, limits.items + 1))
    if len(shown) > limits.items:
        shown[-1] = "..."
    return ", ".join(shown)


def _quoted(text: str, limits: _Limits) -> str:
    encoded = text.encode("utf-8", "surrogatepass")
    if len(encoded) > limits.size:
        text = encoded[: limits.size].decode("utf-8", "ignore") + "..."
    return f'"{text}"'
