"""Makes what a pipeline yields plain at its site, so that whoever reads it needs none of its classes.

Travels with each job: it needs the standard library, and what is installed at the site only where a value comes
from there.
"""

from __future__ import annotations

import base64
from typing import Any

from .plain_arrays import array_form, is_array, is_scalar, scalar_form
from .plain_part import Keep, NoPlainForm

__all__ = ["Keep", "NoPlainForm", "in_line", "plain_form"]

MAX_DEPTH = 100
# Python reads no more as a number: sys.int_info.default_max_str_digits.
MAX_INTEGER_BITS = 14_000


def plain_form(value: Any, keep: Keep) -> Any:
    """What JSON knows, and NaN and infinities, made of a value.

    :param value: the value.
    :param keep: takes the bytes of arrays and the like, and gives what stands for them in the form.
    :raises NoPlainForm: it has none.
    """
    return _Walk(keep).of(value)


def in_line(buffer: memoryview) -> dict[str, Any]:
    """What stands for few bytes: themselves, as text."""
    return {"data": base64.b64encode(buffer).decode("ascii")}


class _Walk:
    def __init__(self, keep: Keep) -> None:
        self.keep = keep
        self._open: set[int] = set()

    def form(self, value: Any, step: str) -> Any:
        try:
            return self.of(value)
        except NoPlainForm as error:
            raise error.below(step) from None

    def of(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is float or kind is str:
            return value
        if kind is int:
            if value.bit_length() > MAX_INTEGER_BITS:
                raise NoPlainForm("A very large integer", "Yield its text, str(value).")
            return value
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(memoryview(value))
        if id(value) in self._open or len(self._open) > MAX_DEPTH:
            what = "A value that holds itself" if id(value) in self._open else "A value that is nested too deep"
            raise NoPlainForm(what, "Yield its parts one by one.")
        self._open.add(id(value))
        try:
            return self._composed(value)
        finally:
            self._open.discard(id(value))

    def _bytes(self, view: memoryview) -> Any:
        kept = self.keep(view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes()))
        # As earlier releases have it.
        return {"@bytes": kept["data"] if kept.keys() == {"data"} else kept}

    def _composed(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self.form(item, f"[{index}]") for index, item in enumerate(value)]
        if isinstance(value, (set, frozenset)):
            return sorted((self.form(item, "{…}") for item in value), key=repr)
        if isinstance(value, dict):
            return self._dict(value)
        if is_array(value):
            return array_form(value, self)
        if is_scalar(value):
            return scalar_form(value, self)
        kind = type(value)
        raise NoPlainForm(
            f"A {kind.__module__}.{kind.__qualname__}", "Yield its data: a dict, a list, an array, bytes."
        )

    def _dict(self, value: dict[Any, Any]) -> Any:
        plain = [(self.of(key), self.form(item, f"[{key!r:.40}]")) for key, item in value.items()]
        texts = {_key_text(key): item for key, item in plain}
        taken_for_a_form = len(texts) == 1 and str(next(iter(texts))).startswith("@")
        if None in texts or len(texts) < len(plain) or taken_for_a_form:
            return {"@dict": [[key, item] for key, item in plain]}
        return texts


def _key_text(key: Any) -> str | None:
    """A key as JSON has it; None for one that JSON does not know."""
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key) if isinstance(key, (str, int, float)) else None
