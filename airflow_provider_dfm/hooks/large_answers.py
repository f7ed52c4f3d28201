"""Answers of a federation as a task hands them on: whole where they are small, otherwise kept in a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.kept_document import keep_document
from airflow_provider_dfm.federation.kept_reference import KeptReference
from airflow_provider_dfm.hooks.bounded_rows import OUTLINE_BYTES, PART_BYTES
from airflow_provider_dfm.hooks.xcom_size import fits_xcom, xcom_bytes

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.hooks.dfm import DfmHook

# Below results_path.
ANSWERS = "answers"
Path = tuple[str | int, ...]


def fit_answer(
    answer: Any, lists: Sequence[Path], hook: DfmHook, max_bytes: int, log: Logger, needed: Sequence[Path] = ()
) -> Any:
    """An answer as an XCom can hold it: as it is; or with references to its largest parts, which are kept in a file.

    :param answer: plain data.
    :param lists: paths of its lists; parts are what the dicts in these hold, and all other values of the answer where
        it is a dict.
    :param hook: the connection's, for its ``results_path``.
    :param max_bytes: how large it may be as it is.
    :param log: gets a warning where something is left out.
    :param needed: paths of parts that stay as long as the whole is not larger than 1 MiB.
    :raises StorageFailed: the file cannot be written.
    """
    if fits_xcom(answer, max_bytes):
        return answer
    outline = _Outline(answer, lists, hook.results_path / ANSWERS)
    fit = outline.within(max_bytes, needed)
    if outline.left_out:
        log.warning(
            "The answer is too large for an XCom, or holds what one cannot hold; left out of it: %s. All is kept in "
            "%s: airflow_provider_dfm.results.whole(xcom) gives it.",
            "; ".join(outline.left_out),
            outline.uri,
        )
    return fit


class _Outline:
    """An answer with references in the place of some of its parts."""

    def __init__(self, answer: Any, lists: Sequence[Path], folder: Any) -> None:
        self._folder = folder
        #: What has a reference in its place, in words.
        self.left_out: list[str] = []
        self._answer = answer
        self._lists = lists
        rows = [(*path, index) for path in lists for index, row in enumerate(self._at(path)) if isinstance(row, dict)]
        # Whoever submits a job may give its meta a key that means something to Airflow.
        self._odd = {path for path in rows if not all(map(_is_fit, self._at(path)))}
        self._parts: list[Path] = [(*path, key) for path in rows for key in self._at(path) if _is_fit(key)]
        if isinstance(answer, dict):
            self._parts += [(key,) for key in answer if (key,) not in lists]

    @cached_property
    def uri(self) -> str:
        """The file that keeps all of it, written once it is needed."""
        return str(keep_document(self._answer, self._folder))

    def within(self, max_bytes: int, needed: Sequence[Path]) -> Any:
        """Leave out as little as needed: the largest parts."""
        sizes = {path: xcom_bytes(self._at(path)) for path in self._parts}
        left_out = {path for path, size in sizes.items() if size is None or size > PART_BYTES}
        left_out -= {path for path in needed if fits_xcom(self._at(path), OUTLINE_BYTES)}
        room = max_bytes - _size(self._without(left_out))
        for path in sorted(left_out, key=lambda path: sizes[path] or 0):
            size = sizes[path]
            if size is not None and size <= room:
                room -= size
                left_out.discard(path)
        wholes: list[Path] = []
        for path in (*needed, *self._lists):
            rows = self._at(path)
            if not rows or path in left_out or _size(self._without(left_out)) <= max(max_bytes, OUTLINE_BYTES):
                continue
            self.left_out.append(f"all {len(rows)} {path[-1]}" if path else f"all of its {len(rows)} rows")
            left_out = {part for part in left_out if part[: len(path)] != path} | {path}
            wholes.append(path)
        parts = [part for part in left_out | self._odd if all(part[: len(path)] != path for path in wholes)]
        if parts:
            self.left_out.insert(0, f"{len(parts)} of its {len(sizes)} parts")
        return self._without(left_out)

    def _at(self, path: Path) -> Any:
        part = self._answer
        for step in path:
            part = part[step]
        return part

    def _without(self, left_out: set[Path]) -> Any:
        changed = {path[:length] for path in left_out for length in range(len(path))}
        changed |= {path[:length] for path in self._odd for length in range(len(path) + 1)}
        return self._replaced(self._answer, (), left_out, changed)

    def _replaced(self, part: Any, path: Path, left_out: set[Path], changed: set[Path]) -> Any:
        if path in left_out:
            return self._reference(part, path)
        if path not in changed:
            return part
        if isinstance(part, list):
            return [self._replaced(inner, (*path, index), left_out, changed) for index, inner in enumerate(part)]
        row = {key: self._replaced(part[key], (*path, key), left_out, changed) for key in part if _is_fit(key)}
        return row | self._reference(part, path) if path in self._odd else row

    def _reference(self, part: Any, path: Path) -> dict[str, Any]:
        count = len(part) if isinstance(part, (list, dict)) else None
        return KeptReference(uri=self.uri, path=path, count=count).as_xcom()


# The rows of a list have much the same keys.
@lru_cache(maxsize=1024)
def _is_fit(key: Any) -> bool:
    return xcom_bytes({key: None}) is not None


def _size(outline: Any) -> int:
    return len(json.dumps(outline, ensure_ascii=False).encode())
