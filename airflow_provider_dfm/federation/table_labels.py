"""The columns of a table with a name each, for the libraries in which only columns have one, and it is text."""

from __future__ import annotations

from airflow_provider_dfm.federation import table_columns as columns
from airflow_provider_dfm.federation.errors import OtherKindOfValue
from airflow_provider_dfm.federation.opened_tables import Labels, Table
from airflow_provider_dfm.federation.table_values import python_values

# An index of numbers takes no memory at the site, and would here.
MOST_NUMBERS = 100_000_000


def named_columns(table: Table) -> list[tuple[str, columns.Column | range]]:
    """The columns, after those of an index that says more than the rows' numbers.

    An index without a name is called as pandas' ``reset_index`` calls it: ``index``, or ``level_0`` and so on.

    :param table: the table.
    :raises OtherKindOfValue: it has an index of very many numbers.
    """
    named: list[tuple[str, columns.Column | range]] = []
    if table.index is not None and (table.shape == "index" or not table.index.are_default()):
        named += _of_index(table.index)
    if table.names is not None:
        named += list(zip(_texts(table.names), table.columns, strict=True))
    return named


def _of_index(index: Labels) -> list[tuple[str, columns.Column | range]]:
    default = "level_{}" if len(index.names) > 1 else "index"
    names = [default.format(number) if name is None else str(name) for number, name in enumerate(index.names)]
    if index.numbers is None:
        return list(zip(names, index.levels, strict=True))
    if len(index.numbers) > MOST_NUMBERS:
        raise OtherKindOfValue(f"has an index of {len(index.numbers)} numbers; open it with 'pandas'")
    return [(names[0], index.numbers)]


def _texts(names: Labels) -> list[str]:
    if names.numbers is not None:
        return [str(number) for number in names.numbers]
    levels = [python_values(level) for level in names.levels]
    return [str(parts[0]) if len(parts) == 1 else str(parts) for parts in zip(*levels, strict=True)]
