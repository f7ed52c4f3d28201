"""Functions that are called with the results of a job, as DFM's callbacks are."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Generic, Protocol, TypeVar

from airflow_provider_dfm.federation.callback_loop import CallbackLoop
from airflow_provider_dfm.federation.errors import CallbackFailed, CallbackNotFound
from airflow_provider_dfm.federation.frames import Frame
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.own_threads import in_own_thread
from airflow_provider_dfm.federation.tokens import DISCOVERY_PLACE, STATUS_PLACE, Result

# DFM's DfmDataCallback: takes the site, DFM's node, the frame, the place and the value; may be async.
ResultCallback = Callable[[str, int | str | None, Frame, str, Any], Any]
NamedCallback = str | ResultCallback

Item = TypeVar("Item")

_current: ContextVar[Result] = ContextVar("airflow_provider_dfm.current_result")


def current_result() -> Result:
    """The result that a callback is being called with, sync or async.

    Its value is the callback's own argument; ``current_result().array()`` and the like open what is no JSON, and bring
    a large value from the federation, while the job runs as well.

    :raises LookupError: no callback is being called.
    """
    return _current.get()


def import_callback(path: str, hint: str = "Its module has to be installed, or on PYTHONPATH.") -> Callable[..., Any]:
    """A callback by its name.

    :param path: ``"package.module:function"``.
    :param hint: what to say of where it was looked for.
    :raises CallbackNotFound: it cannot be imported here.
    """
    if not is_function(path):
        raise CallbackNotFound(f"The callback {path!r} is no function's name: give package.module:function.")
    module, _, name = path.partition(":")
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise CallbackNotFound(f"Cannot import the callback {path}: {type(error).__name__}: {error}. {hint}") from error
    return function


class ResultCallbacks:
    """The callbacks of a job, by place.

    In DFM, ``reattach`` refuses place callbacks without a default one, since the results of all other places would be
    lost. Here they are allowed alone: reading takes nothing away, and the other results stay where they are.

    :param default_callback: a function, or ``"package.module:function"``, called with ``site, node, frame, place,
        value``: ``frame`` is a :class:`Frame`, a tuple of ints, and ``value`` plain data. It may be async.
    :param place_callbacks: place to the function that is called for it instead. That of ``_dfm_status_`` is called with
        the start, the end and the error of each set, see :class:`LiveStatuses`; the default one never is.
    :raises CallbackNotFound: one cannot be imported.
    """

    def __init__(
        self,
        default_callback: NamedCallback | None = None,
        place_callbacks: Mapping[str, NamedCallback] | None = None,
    ) -> None:
        self._default = _loaded(default_callback)
        self._by_place = {place: _loaded(callback) for place, callback in (place_callbacks or {}).items()}

    def __bool__(self) -> bool:
        return self._default is not None or bool(self._by_place)

    @property
    def want_statuses(self) -> bool:
        """Whether there is one for the status place."""
        return STATUS_PLACE in self._by_place

    def check_places(self, places: Collection[str]) -> None:
        """Make sure that no callback waits for what never comes.

        :param places: those that the pipeline yields to.
        :raises CallbackNotFound: names the places that are not among them.
        """
        # DFM's own places are no mistake, whether or not something comes there.
        unknown = sorted(self._by_place.keys() - set(places) - {STATUS_PLACE, DISCOVERY_PLACE})
        if unknown:
            raise CallbackNotFound(
                f"place_callbacks names {', '.join(unknown)}, but the pipeline yields to {', '.join(sorted(places))}."
            )

    def __call__(self, result: Result) -> Any:
        """Call the one for a result; gives what that gives, which may be awaitable."""
        callback = self._by_place.get(result.place, self._default)
        if callback is None:
            return None
        # An async one begins after this, in the same context.
        _current.set(result)
        return callback(result.site, result.node, Frame(result.frame), result.place, result.value)


def _loaded(callback: NamedCallback | None) -> ResultCallback | None:
    return import_callback(callback) if isinstance(callback, str) else callback


class Pending(Protocol[Item]):
    """What comes of a job while it runs: its results, or its parameter sets."""

    position: int
    job_has_ended: bool
    finished: bool

    def look(self) -> list[Item]:
        """What has come and was not handed on yet."""

    def given(self) -> None:
        """Say that the first of these was handed on."""


class CallbackRun(Generic[Item]):
    """Hands on what comes of a job: each once, in order.

    What a callback raised for is not handed on: whoever goes on begins with it again.

    :param pending: what comes.
    :param callback: is called with it; it may be async.
    :param describe: says what it was, in the error of a callback.
    """

    def __init__(
        self,
        pending: Pending[Item],
        callback: Callable[[Item], Any],
        describe: Callable[[Item], str],
    ) -> None:
        self.pending = pending
        #: Is told after each what it was, and how many were handed on so far.
        self.note: Callable[[Item, int], None] | None = None
        self._callback = callback
        self._describe = describe

    def process(self, loop: CallbackLoop, ends: float | None = None) -> None:
        """Hand on what has come so far, in this thread.

        :param loop: where async callbacks run.
        :param ends: when to stop, as ``time.monotonic()`` counts.
        :raises CallbackFailed: a callback raised something.
        """
        while items := self.pending.look():
            for item in items:
                with self._naming(item):
                    answer = self._callback(item)
                    if inspect.isawaitable(answer):
                        loop.run(answer)
                self._given(item)
                if ends is not None and time.monotonic() >= ends:
                    return
            if not self.pending.job_has_ended:
                return

    async def process_async(self, ends: float | None = None) -> None:
        """The same on the running loop; the federation is asked in a thread.

        :param ends: see :meth:`process`.
        :raises CallbackFailed: a callback raised something.
        """
        while items := await in_own_thread(self.pending.look):
            for item in items:
                with self._naming(item):
                    answer = self._callback(item)
                    if inspect.isawaitable(answer):
                        await answer
                self._given(item)
                if ends is not None and time.monotonic() >= ends:
                    return
            if not self.pending.job_has_ended:
                return

    def _given(self, item: Item) -> None:
        before = self.pending.position
        self.pending.given()
        # What does not count is not noted: it may come again.
        if self.note is not None and self.pending.position > before:
            self.note(item, self.pending.position)

    @contextlib.contextmanager
    def _naming(self, item: Item) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever the author's function raises
            raise CallbackFailed(
                f"The callback raised {type(error).__name__}: {error}. It was called with {self._describe(item)}, "
                f"after {self.pending.position} others, and will be called with it again."
            ) from error


def describe_result(result: Result) -> str:
    """What a callback was called with."""
    frame = list(result.frame)
    return f"the result of parameter set {result.parameter_set} at place {result.place!r}, frame {frame}"
