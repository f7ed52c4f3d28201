"""What the modules that make a value plain share: where its bytes go, and how one without a plain form is refused."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, Protocol

# Takes contiguous bytes (a memoryview cast to "B") and gives what stands for them: {"data": base64}, or a file.
Keep = Callable[[memoryview], dict[str, Any]]
MOST_PLACE = 200


class NoPlainForm(TypeError):
    """A value cannot leave its site.

    :param what: what it is, with an article.
    :param advice: what to yield instead, as an order.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice
        self._steps: list[str] = []

    def below(self, step: str) -> NoPlainForm:
        """The same error, told of the value that has this one in it.

        :param step: how one comes from there to here: ``"[3]"``, say.
        """
        self._steps.append(step)
        return self

    def __str__(self) -> str:
        place = "".join(reversed(self._steps))
        if len(place) > MOST_PLACE:
            place = f"{place[: MOST_PLACE // 2]} … {place[-MOST_PLACE // 2 :]}"
        where = f" at value{place}" if place else ""
        return f"{self.what}{where} has no plain form, so that it cannot be a result. {self.advice}"


class Parts(Protocol):
    """Makes the parts of a value plain, for the module that makes the whole plain."""

    keep: Keep

    def form(self, value: Any, step: str) -> Any:
        """The plain form of a part.

        :param value: the part.
        :param step: how one comes to it from the whole: ``".attrs"``, say.
        :raises NoPlainForm: it has none.
        """


def library(name: str) -> Any:
    """A library that a value is of, or that its own library needs to give its data.

    :param name: the module's.
    :raises NoPlainForm: it is not installed at this site.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        what = f"A value for which {name} is needed, which cannot be imported ({error!s:.200}),"
        raise NoPlainForm(what, f"Install {name} at the site, or yield something else.") from None


def whole_array(dtype: str, count: int, data: memoryview, keep: Keep) -> dict[str, Any]:
    """The form of an array with one dimension, where its bytes are at hand, with or without numpy.

    :param dtype: its items' size and kind as numpy has them, in this machine's byte order: ``"i8"``, say.
    :param count: how many items.
    :param data: their bytes.
    :param keep: takes them.
    """
    order = "|" if dtype[1:] == "1" else "<" if sys.byteorder == "little" else ">"
    return {"@array": {"dtype": order + dtype, "shape": [count], "order": "C", **keep(data.cast("B"))}}
