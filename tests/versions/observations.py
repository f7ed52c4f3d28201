"""What the tests saw of each version, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = """\
# What differs from one nvflare version to the other

The provider hides most of it. Written by `make test-all-versions`, from what `tests/versions` saw on a real federation
of each version, each with its own client library; `make test` runs the same tests on the first and the last of them.
"""
ALIKE = "On all of them:"


class Observations:
    """Collects what was seen, by subject and version."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, str]] = {}

    def note(self, subject: str, version: str, value: str) -> None:
        """Note what was seen.

        :param subject: the row.
        :param version: the column.
        :param value: what stands there; the same for each run.
        :raises ValueError: something else was seen of it before.
        """
        before = self._seen.setdefault(subject, {}).setdefault(version, value)
        if before != value:
            raise ValueError(f"{subject}, nvflare {version}: {before!r} was seen before, now {value!r}")

    def as_markdown(self, versions: Sequence[str]) -> str:
        """The table: the rows that differ, and a list of those that do not.

        :param versions: the columns, in order.
        """
        rows = {subject: [self._seen[subject].get(version, "") for version in versions] for subject in self._seen}
        lines = [HEADER, _line("", *versions), _line(*["---"] * (len(versions) + 1))]
        lines += [_line(subject, *values) for subject, values in sorted(rows.items()) if len(set(values)) > 1]
        lines += ["", ALIKE, ""]
        lines += [f"- {subject}: {values[0]}" for subject, values in sorted(rows.items()) if len(set(values)) == 1]
        return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
