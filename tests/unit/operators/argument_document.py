"""Writes docs/arguments.md from the table of arguments: ``python -m tests.unit.operators.argument_document``."""

from __future__ import annotations

from collections.abc import Iterable

from tests.unit.operators.argument_table import (
    DOCUMENT,
    OPERATORS,
    TRIGGERS,
    WAYS,
    Examples,
    examples_of,
    is_templated,
    label,
    ways_of,
)

HEAD = """\
# What each argument takes

An argument of an operator, a sensor or the decorator is given as the DAG is read, or comes to be in a run: from a
template, a `Param` of the Trigger form, or another task's XCom. What is wrong is refused as the DAG is read where that
can be known then, and otherwise in the task, before anything is sent to the federation. The error names the operator,
the task, the argument and what to give; no retry follows it.

```
DfmExecuteOperator 'compare': on_timeout is 'Abort': give abort or leave.
```

The ways:

- **literal**: as it stands in the DAG file. Text is not taken for a number, a duration or a flag.
- **template**: `"{{ params.hours * 3600 }}"`, which gives text. Its plain form is taken for what it says: `"3600"` for
  a number, `"True"` or `"true"` for a flag, `"['a', 'b']"` or `'["a", "b"]'` for a list. `"None"` and an empty text
  are None. The table has the text that a template gives.
- **native rendering**: the same in a DAG, or a task, with `render_template_as_native_obj=True`, which gives values of
  Python. There a text that looks like a number becomes one, and is taken for the text again where text is wanted.
- **XCom**: `timeout=ask.output`, another task's XCom; values and text are taken alike.
- **Param**: `timeout=dag.param("seconds")`. A `Param` itself as an argument is refused.
- **`.expand()`**: one value for each mapped task, as literals or from an XCom, and what `.partial()` is given. Literals
  of `.partial()` are checked as the DAG is read, values of `.expand()` in each mapped task. `@task.dfm_pipeline` maps
  over the arguments of its function instead.

Arguments that are not templated are needed as the DAG is read: they are literals, or values of `.expand()`, and a
template, a Param or an XCom is refused.

Text in parameter sets, and in the place of them all, is read by the pipeline's own schema before the submit.

Dates and times in `pipeline_arguments`, `job_arguments`, `meta` and parameter sets arrive as ISO 8601 text; one that
names no zone is in UTC. In dicts and lists templates, Params and XComs can stand anywhere.

This file is written by `python -m tests.unit.operators.argument_document`, and
[a test](../tests/unit/operators/test_argument_table.py) tries each of its cells.
"""


def document() -> str:
    """The text of docs/arguments.md."""
    kinds: dict[str, Examples] = {}
    for owner in (*OPERATORS, *TRIGGERS):
        for kind in owner.arguments.values():
            examples = examples_of(kind)
            kinds[examples.name] = examples
    parts = [HEAD, "## By what an argument is\n", *_kinds(kinds.values())]
    parts += ["\n## By operator\n", *(line for owner in OPERATORS for line in _owner(owner))]
    parts += [
        "## Triggers\n",
        "Of an `AssetWatcher`, or of an operator of your own: literals only, read as the trigger is made.\n",
        *(line for owner in TRIGGERS for line in _owner(owner)),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _kinds(examples: Iterable[Examples]) -> list[str]:
    lines = [f"| what | {' | '.join(WAYS)} |", f"|---|{'---|' * len(WAYS)}"]
    for each in sorted(examples, key=lambda each: each.name):
        cells = [", ".join(_code(source) for source in each.by(way)) for way in WAYS]
        # Kinds of which no argument is templated have no text.
        if not each.texts:
            cells[1:-1] = ["refused"] * 4
        lines.append(f"| {each.name} | {' | '.join(cells)} |")
    return lines


def _code(source: str) -> str:
    return f"`{source}`".replace("|", "\\|")


def _owner(owner: type) -> list[str]:
    lines = [f"### {label(owner)}\n", f"| argument | takes | {' | '.join(WAYS)} |", f"|---|---|{'---|' * len(WAYS)}"]
    for name, kind in owner.arguments.items():
        ways = ways_of(owner, name)
        cells = " | ".join("yes" if way in ways else "no" for way in WAYS)
        templated = " Templated." if is_templated(owner, name) else ""
        what = examples_of(kind).name
        words = what if kind.choices or kind.wanted.startswith(what) else f"{what}: {kind.wanted}"
        lines.append(f"| `{name}` | {words}.{templated} | {cells} |")
    return [*lines, ""]


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
