"""Puts together what a pickle holds, by a small machine of our own. Nothing that a pickle names is imported.

Python's own unpickler is not used, since no ``find_class`` makes it safe: it takes memory for a memo number, and a
nested tuple as a key ends the process (CPython, Modules/_pickle.c ``_Unpickler_ResizeMemoList``, Objects/tupleobject.c
``tuplehash``). ``pickletools`` cuts the pickle into its operations; here nothing but text is ever hashed, and what
the pickle calls by name is looked up in a table.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

_INTEGERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")
_TEXTS = ("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
_CONSTANTS = frozenset((*_INTEGERS, *_TEXTS, "FLOAT", "BINFLOAT", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"))


class NotPlain(ValueError):
    """The pickle holds something else than data, or is none."""


class Name(NamedTuple):
    """What a pickle names, as a name."""

    module: str
    name: str


class SetItems(list[Any]):
    """The items of a set, which nobody has hashed."""


class Stateful:
    """What a pickle may make by a call, and then give a state to."""

    def set_state(self, state: Any) -> None:
        """Take the state.

        :raises NotPlain: it is none of this kind.
        """
        raise NotImplementedError

    def size(self) -> int:
        """About how many bytes of memory it takes."""
        raise NotImplementedError


def json_key(key: Any) -> str:
    """A dict's key as JSON has it.

    :raises NotPlain: JSON has no such key.
    """
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if type(key) in (str, int, float):
        return str(key)
    raise NotPlain(f"a dict with a {type(key).__name__} for a key")


class PickleMachine:
    """The stack that a pickle's operations work on; Python's own Lib/pickle.py has what each of them means.

    :param callables: what may be called, by module and name.
    :param limit: how many bytes the calls may make.
    :param classes: what stands in for an instance of a class, by its module and name.
    """

    def __init__(
        self,
        callables: Mapping[tuple[str, str], Callable[..., Any]],
        limit: int,
        classes: Mapping[tuple[str, str], Callable[[], Stateful]] = MappingProxyType({}),
    ) -> None:
        self._callables = callables
        self._classes = classes
        self._left = limit
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.operations = 0

    def run(self, data: bytes) -> Any:
        """What the pickle holds: plain data, and what the calls made.

        :param data: the pickle.
        :raises NotPlain, ValueError, LookupError, TypeError: it holds something else, or is damaged.
        """
        for operation, argument, _ in pickletools.genops(data):
            self.operations += 1
            name = operation.name
            if name in _CONSTANTS:
                self._stack.append(argument)
            elif name in _OPERATIONS:
                _OPERATIONS[name](self, argument)
            elif name not in ("PROTO", "FRAME", "STOP"):
                raise NotPlain(f"a pickle with a {name}")
        return self._stack.pop()

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def take(self, count: int) -> tuple[Any, ...]:
        if len(self._stack) < count:
            raise NotPlain("a pickle that takes more than there is")
        items = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        return items

    def mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def from_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self.from_mark()

    def top(self) -> Any:
        return self._stack[-1]

    def put(self, index: int | None = None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def extend(self, items: Iterable[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise NotPlain("a pickle that adds to what is no list")
        self._stack[-1].extend(items)

    def set_items(self, items: Iterable[Any]) -> None:
        target, flat = self._stack[-1], list(items)
        if type(target) is not dict:
            raise NotPlain("a pickle that sets items of what is no dict")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            text = json_key(key)
            if text in target:
                raise NotPlain("a dict with two keys that JSON has alike")
            target[text] = value

    def make_dict(self) -> None:
        items = self.from_mark()
        self.push({})
        self.set_items(items)

    def name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str or not self._knows((module, name)):
            # The repr of what is no text might never end.
            parts = (part if type(part) is str else f"a {type(part).__name__}" for part in (module, name))
            raise NotPlain(".".join(parts)[:100])
        self._stack.append(Name(module, name))

    def _knows(self, name: tuple[str, str]) -> bool:
        return name in self._callables or name in self._classes

    def new_object(self) -> None:
        cls, arguments = self.take(2)
        if type(cls) is not Name or cls not in self._classes or type(arguments) is not tuple or arguments:
            raise NotPlain("a pickle that makes an object of what is no class")
        self._stack.append(self._classes[cls]())

    def call(self) -> None:
        callee, arguments = self.take(2)
        if type(callee) is not Name or type(arguments) is not tuple:
            raise NotPlain("a pickle that calls what cannot be called")
        self._spend(made := self._callables[callee](*arguments))
        self._stack.append(made)

    def set_state(self) -> None:
        (state,) = self.take(1)
        target = self._stack[-1]
        if type(target) is Name:
            raise NotPlain("a pickle that changes a function")
        if not isinstance(target, Stateful):
            raise NotPlain("a pickle that gives a state to what takes none")
        target.set_state(state)
        self._spend(target)

    def _spend(self, made: Any) -> None:
        # One short operation can have a long text encoded, or a long list copied, as often as there are operations.
        if type(made) in (bytes, str):
            self._left -= len(made)
        elif isinstance(made, SetItems):
            self._left -= 8 * len(made)
        elif isinstance(made, Stateful):
            self._left -= made.size()
        if self._left < 0:
            raise NotPlain("values that would become much larger than what came")


_OPERATIONS: dict[str, Callable[[PickleMachine, Any], None]] = {
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "BYTEARRAY8": lambda machine, data: machine.push(bytes(data)),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.push(machine.take(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.take(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.take(3)),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.from_mark())),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "LIST": lambda machine, _: machine.push(machine.from_mark()),
    "APPEND": lambda machine, _: machine.extend(machine.take(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.from_mark()),
    "EMPTY_SET": lambda machine, _: machine.push(SetItems()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.from_mark()),
    "FROZENSET": lambda machine, _: machine.push(SetItems(machine.from_mark())),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "DICT": lambda machine, _: machine.make_dict(),
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.from_mark()),
    "MARK": lambda machine, _: machine.mark(),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.from_mark().clear(),
    "DUP": lambda machine, _: machine.push(machine.top()),
    "PUT": PickleMachine.put,
    "BINPUT": PickleMachine.put,
    "LONG_BINPUT": PickleMachine.put,
    "MEMOIZE": lambda machine, _: machine.put(),
    "GET": PickleMachine.get,
    "BINGET": PickleMachine.get,
    "LONG_BINGET": PickleMachine.get,
    "GLOBAL": lambda machine, argument: machine.name(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.take(2)),
    "NEWOBJ": lambda machine, _: machine.new_object(),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.set_state(),
}
