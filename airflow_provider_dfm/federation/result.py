"""One result of a pipeline, and how a task opens its value."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, Field, PrivateAttr

from airflow_provider_dfm.federation.large_values import OwnFiles
from airflow_provider_dfm.federation.opened_values import TableLibrary, ValueOpener
from airflow_provider_dfm.federation.value_files import ValueFiles
from airflow_provider_dfm.federation.value_forms import opening, part_of

if TYPE_CHECKING:
    import PIL.Image

Opened = TypeVar("Opened")


class Result(BaseModel, frozen=True, ser_json_inf_nan="constants", serialize_by_alias=True):
    """One value that a pipeline yielded.

    The methods open the value, or a part of it: they take the keys and indexes that lead to the part. Each needs the
    library whose object it gives, and no other, and raises ImportError where that is not installed.

    :param parameter_set: index of the parameter set it answers.
    :param frame: the DFM frame; ``(i,)`` for set i, ``(i, k)`` for item k of a generator.
    :param place: the yield's place.
    :param site: the site it came from.
    :param value: the value as it came; of a large one, the name of its file.
    :param node: the pipeline's node that it came from, DFM's ``source_node``; None in results that were kept
        without it.
    """

    parameter_set: int
    frame: tuple[int, ...]
    place: str
    site: str
    form: Any = Field(alias="value")
    node: int | str | None = None
    _files: ValueFiles | None = PrivateAttr(default=None)

    @property
    def files(self) -> ValueFiles | None:
        """Where the files of a large value are; None: it has none."""
        return self._files

    def with_files(self, sizes: Mapping[str, int], files: ValueFiles | None) -> Result:
        """This result, which has files.

        :param sizes: name to size of each, in bytes.
        :param files: where those of its job are; None: nobody knows.
        """
        if sizes and files is not None:
            self._files = OwnFiles(sizes, files)
        return self

    @property
    def value(self) -> Any:
        """The value as plain data: what JSON knows, and NaN and infinities.

        Whatever else it was is a dict with one key that begins with ``@``, such as ``{"@array": …}``; docs/values.md
        has them all. A large value is read from its file each time that it is asked for.

        :raises UnreadableValue: its file is not what was written.
        """
        return self._open(ValueOpener.data, ())

    def array(self, *path: Any) -> Any:
        """The numpy array that the value is, a masked one with its mask; as it was at the site, and read-only.

        A large one is a memory map where its file is on this machine.

        :param path: the keys and indexes that lead to it; none: the value itself.
        :raises OtherKindOfValue: it is something else.
        :raises MissingPart: nothing is there.
        :raises UnreadableValue: it is not what it says.
        """
        return self._open(ValueOpener.array, path)

    def table(self, *path: Any, library: TableLibrary = "pandas") -> Any:
        """The table that the value is, or the one column: a DataFrame or Series, as it was at the site.

        :param path: as of :meth:`array`.
        :param library: ``"pandas"``, ``"polars"`` or ``"pyarrow"``, whichever the site used. An index of pandas that
            is more than the rows' numbers comes as the first columns in the two others.
        :raises OtherKindOfValue, MissingPart, UnreadableValue: as of :meth:`array`; the first, too, where the library
            has no values of a column's kind.
        """

        def opened(opener: ValueOpener, form: Any) -> Any:
            return opener.table(form, library)

        return self._open(opened, path)

    def dataset(self, *path: Any) -> Any:
        """The xarray Dataset or DataArray that the value is.

        :param path: as of :meth:`array`.
        :raises OtherKindOfValue, MissingPart, UnreadableValue: as of :meth:`array`.
        """
        return self._open(ValueOpener.dataset, path)

    def content(self, *path: Any) -> bytes:
        """The bytes that the value is; of an image, those of its PNG file, which need no library.

        :param path: as of :meth:`array`.
        :raises OtherKindOfValue, MissingPart, UnreadableValue: as of :meth:`array`.
        """
        return self._open(ValueOpener.content, path)

    def image(self, *path: Any) -> PIL.Image.Image:
        """The PIL image that the value is, or that bytes are the file of.

        :param path: as of :meth:`array`.
        :raises OtherKindOfValue, MissingPart, UnreadableValue: as of :meth:`array`; the last, too, where it is larger
            than PIL's own limit, ``PIL.Image.MAX_IMAGE_PIXELS``.
        """
        image: PIL.Image.Image = self._open(ValueOpener.image, path)
        return image

    def mapping(self, *path: Any) -> dict[Any, Any]:
        """The dict that the value is, with its keys as they were where they are not text: tuples, say.

        :param path: as of :meth:`array`.
        :raises OtherKindOfValue, MissingPart, UnreadableValue: as of :meth:`array`.
        """
        return self._open(ValueOpener.mapping, path)

    def _open(self, opened: Callable[[ValueOpener, Any], Opened], path: tuple[Any, ...]) -> Opened:
        part = "".join(f"[{step!r:.60}]" for step in path)
        where = f" at {part}" if part else ""
        name = f"The result of parameter set {self.parameter_set} at place {self.place!r}{where}"
        opener = ValueOpener(self._files)
        with opening(name):
            return opened(opener, part_of(opener.data(self.form), path))

    def __iter__(self) -> Generator[tuple[str, Any], None, None]:
        # As dict(result) has it, and its JSON.
        for name, member in super().__iter__():
            yield "value" if name == "form" else name, member

    def __repr_args__(self) -> Any:
        return iter(self)
