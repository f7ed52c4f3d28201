"""What stands in an XCom for something that is kept elsewhere: ``{"@kept": {"uri": …, …}}``.

XComs are plain data, and not objects of a class of this package: Airflow gives such an object back only where
``core.allowed_deserialization_classes`` names its class, or where the reading task's own DAG file imports it
(airflow/sdk/serde/__init__.py); a task of another DAG, the API and a template would not see what it holds.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ValidationError

KEPT = "@kept"


class KeptReference(BaseModel, frozen=True, extra="forbid"):
    """Says where something is kept, and which part of it is meant.

    :param uri: the folder of a job's results, ``<results_path>/<job id>``; or the file of an answer of the federation.
    :param parameter_set: of a job: the set that the value belongs to.
    :param number: of a job: which of the set's results it is, from 0 on.
    :param place: of a job: the place whose value is meant, or the list of whose values; None: those of all places.
    :param rows: of a job: all of its ``results``, all of its ``sets``, or the reasons of all sets that ``failed``.
    :param path: of an answer: the keys and indexes that lead to the part.
    :param count: of a list or a dict: how many there are.
    """

    uri: str
    parameter_set: int | None = None
    number: int | None = None
    place: str | None = None
    rows: Literal["results", "sets", "failed"] | None = None
    path: tuple[str | int, ...] | None = None
    count: int | None = None

    def as_xcom(self) -> dict[str, Any]:
        """What stands in the XCom."""
        return {KEPT: self.model_dump(mode="json", exclude_none=True)}


def read_reference(value: Any) -> KeptReference | None:
    """The reference that a part of an XCom is; None where it is anything else.

    :param value: the part. What stands beside the reference in it is of what is kept, too.
    :raises ValueError: it is a reference of a form that this release does not know.
    """
    if not isinstance(value, dict) or KEPT not in value:
        return None
    try:
        return KeptReference.model_validate(value[KEPT])
    except ValidationError as error:
        raise ValueError(
            f"{value!r:.300} is no reference that this release of airflow-provider-dfm knows: {error}. Tasks that hand "
            "results to one another need the same release."
        ) from None
