"""Lists for XComs that stay small, however many rows they have, and however large these are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

# A list that is left with references in the place of its large values may have so much.
OUTLINE_BYTES = 1024 * 1024
# What is not larger stays where it is: a reference would need as much.
PART_BYTES = 256


@dataclass(frozen=True)
class Version:
    """One of the forms that a row can have.

    :param row: what goes into the list.
    :param left_out: how much of it is left out: references in the place of values, and shortened texts.
    """

    row: dict[str, Any]
    left_out: int = 0


@dataclass
class BoundedRows:
    """Takes rows as long as their JSON has no more than so many bytes.

    :param limit: the bytes.
    """

    limit: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    left_out: int = 0
    is_full: bool = False

    def add(self, version: Version | None) -> None:
        """Take a row, where there is room for it; otherwise all of them are forgotten.

        :param version: the row; None: one that there is no room for.
        """
        if self.is_full:
            return
        if version is not None:
            self.limit -= len(json.dumps(version.row, ensure_ascii=False).encode()) + 2
        if version is None or self.limit < 0:
            self.is_full = True
            self.rows.clear()
        else:
            self.rows.append(version.row)
            self.left_out += version.left_out


class RowForms:
    """A list in several forms, the most complete first; no more of it is held than these may have.

    :param limits: the bytes that each of the forms may have in all.
    """

    def __init__(self, *limits: int) -> None:
        self._forms = [BoundedRows(limit) for limit in limits]

    def add(self, *versions: Version | None) -> None:
        """Take a row.

        :param versions: the row in each of the forms; None for one that is too large by itself.
        """
        for form, version in zip(self._forms, versions, strict=True):
            form.add(version)

    @property
    def is_full(self) -> bool:
        """Whether there is no room in any form."""
        return all(form.is_full for form in self._forms)

    @property
    def best(self) -> BoundedRows | None:
        """The first form that has room; None where none has."""
        return next((form for form in self._forms if not form.is_full), None)
