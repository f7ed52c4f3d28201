"""Opens values: what they are made of in a task, of what came from their site."""

from __future__ import annotations

import json
from typing import Any, Literal

from airflow_provider_dfm.federation.errors import OtherKindOfValue, UnreadableValue
from airflow_provider_dfm.federation.opened_arrays import open_array
from airflow_provider_dfm.federation.opened_datasets import open_dataset
from airflow_provider_dfm.federation.opened_images import content_of, open_image
from airflow_provider_dfm.federation.opened_tables import Table, read_table
from airflow_provider_dfm.federation.value_buffers import Buffers
from airflow_provider_dfm.federation.value_files import ValueFiles
from airflow_provider_dfm.federation.value_forms import form_kind, hashable, inside, pairs_of

TableLibrary = Literal["pandas", "polars", "pyarrow"]
# As much as a site can nest, and what forms add to it.
MOST_DEPTH = 400


class ValueOpener:
    """Opens the parts of one result's value.

    :param files: where the files of large values are; None: it has none.
    """

    def __init__(self, files: ValueFiles | None) -> None:
        self._buffers = Buffers(files)

    def data(self, form: Any) -> Any:
        """Plain data, with forms in it, of what may be in a file as a whole.

        :param form: the value as it came.
        """
        if form_kind(form) != "@json" or not isinstance(form["@json"], dict) or "file" not in form["@json"]:
            return form
        try:
            return json.loads(self._buffers.read(form["@json"]))
        except (ValueError, RecursionError) as error:
            if isinstance(error, UnreadableValue):
                raise
            raise UnreadableValue(f"has a file that is not JSON: {error!s:.200}") from None

    def array(self, form: Any) -> Any:
        """See :meth:`Result.array`."""
        return open_array(form, self._buffers)

    def content(self, form: Any) -> bytes:
        """See :meth:`Result.content`."""
        return bytes(content_of(form, self._buffers))

    def image(self, form: Any) -> Any:
        """See :meth:`Result.image`."""
        return open_image(form, self._buffers)

    def dataset(self, form: Any) -> Any:
        """See :meth:`Result.dataset`."""
        return open_dataset(form, self._buffers, self.opened)

    def table(self, form: Any, library: TableLibrary) -> Any:
        """See :meth:`Result.table`."""
        if library not in _MAKERS:
            raise ValueError(f"There are no tables of {library!r}, but of pandas, polars and pyarrow.")
        return _MAKERS[library](read_table(form, self._buffers, self.opened))

    def mapping(self, form: Any) -> dict[Any, Any]:
        """See :meth:`Result.mapping`."""
        if form_kind(form) is None and isinstance(form, dict):
            return form
        inside(form, ["@dict"], "a dict")
        return _keyed([(self.opened(key), item) for key, item in pairs_of(form)])

    def opened(self, form: Any, depth: int = 0) -> Any:
        """Data with all that is in it opened: arrays as numpy has them, tables as pandas has them.

        :param form: the form.
        :param depth: in how many others it is.
        """
        if depth > MOST_DEPTH:
            raise UnreadableValue(f"is nested more than {MOST_DEPTH} deep")
        kind = form_kind(form)
        if kind == "@dict":
            return _keyed([(self.opened(k, depth + 1), self.opened(item, depth + 1)) for k, item in pairs_of(form)])
        if kind in _OPENERS:
            return _OPENERS[kind](self, form)
        if isinstance(form, dict):
            return {key: self.opened(item, depth + 1) for key, item in form.items()}
        if isinstance(form, list):
            return [self.opened(item, depth + 1) for item in form]
        return form


def _keyed(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    keyed = {hashable(key): item for key, item in pairs}
    if len(keyed) < len(pairs):
        raise OtherKindOfValue(f"has {len(pairs)} keys of which some became the same on their way; read its value")
    return keyed


def _pandas(table: Table) -> Any:
    from airflow_provider_dfm.federation.pandas_tables import pandas_table

    return pandas_table(table)


def _polars(table: Table) -> Any:
    from airflow_provider_dfm.federation.polars_tables import polars_table

    return polars_table(table)


def _pyarrow(table: Table) -> Any:
    from airflow_provider_dfm.federation.arrow_tables import arrow_table

    return arrow_table(table)


_MAKERS = {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}
_OPENERS: dict[str | None, Any] = {
    "@array": ValueOpener.array,
    "@bytes": ValueOpener.content,
    "@image": ValueOpener.image,
    "@dataset": ValueOpener.dataset,
    "@dataarray": ValueOpener.dataset,
    "@table": lambda opener, form: opener.table(form, "pandas"),
}
