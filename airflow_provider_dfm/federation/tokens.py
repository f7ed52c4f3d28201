"""Reads the tokens that a DFM job's controller kept: values, errors and ends, without running what they name.

One token a line, as DFM dumps it (nv_dfm_core/exec/_token_package.py): ``source_site``, ``target_place``,
``frame`` and ``tagged_data``, a pair of a tag and a value. Tags are that of plain values, whose ``files`` the line
names, and DFM's ``json`` and ``BaseModel`` (class and data). Of its ``PickledObject`` nothing is read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field

from airflow_provider_dfm.federation.large_values import read_sizes
from airflow_provider_dfm.federation.result import Result as Result
from airflow_provider_dfm.federation.value_files import ValueFiles
from airflow_provider_dfm.remote.token_lines import PLAIN

STATUS_PLACE = "_dfm_status_"
TELEMETRY_PLACE = "__telemetry__"
# nv_dfm_core/api/_yield.py
DISCOVERY_PLACE = "_dfm_discovery_"
# nv_dfm_core/exec/_token_package.py, any_object_to_tagged_json_value
PICKLE = "PickledObject"
ERROR_TOKEN = "@dfm-error-token"
# What comes of a line that a controller did not write.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, struct.error)


class AdapterError(BaseModel, frozen=True):
    """An exception that an operation raised.

    :param parameter_set: index of the parameter set, or None where DFM does not tell.
    :param site: the site it was raised at.
    :param type: the exception's class.
    :param message: the exception's message.
    :param trace: the last lines of its traceback; ``""`` where there is none, or enough other errors have one.
    :param said_by: the site that sent the error, where it says that another one raised it, which nobody can check;
        ``""`` where it raised it itself.
    """

    parameter_set: int | None
    site: str
    type: str
    message: str
    trace: str = ""
    said_by: str = ""

    def reason(self) -> str:
        """Where it was raised and what it says, and whose word that is."""
        said_by = f" (as site {self.said_by} says)" if self.said_by else ""
        return f"site {self.site}{said_by}: {self.type}: {self.message}"

    def __str__(self) -> str:
        return self.reason() if self.parameter_set is None else f"parameter set {self.parameter_set}, {self.reason()}"


class TokensRead(BaseModel, frozen=True):
    """What a running pipeline has given from a position on.

    :param text: one token a line; empty when there is no more now.
    :param position: where the next ones begin.
    """

    text: str
    position: int = Field(ge=0)


@dataclass(frozen=True)
class Token:
    """One token, read.

    :param kind: ``value``; ``pickle``: a value that nobody reads; ``error``: exceptions of operations;
        ``end``: of a set, or of the pipeline; ``other``: nothing that a result depends on.
    :param frame: as in :class:`Result`; empty for the pipeline's end.
    :param place: the yield's place.
    :param site: the site it came from.
    :param node: as in :class:`Result`.
    :param value: plain data, or the list of errors.
    :param files: name to size of the files that a value has.
    """

    kind: Literal["value", "pickle", "error", "end", "other"]
    frame: tuple[int, ...]
    place: str
    site: str
    node: int | str | None = None
    value: Any = None
    files: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind == "other":
            return
        if not all(isinstance(number, int) and number >= 0 for number in self.frame):
            raise ValueError(f"{self.frame!r:.100} is no frame")
        if self.kind in ("value", "pickle"):
            # Whatever it lacks of a result is said where it is read.
            self.result()

    def result(self, files: ValueFiles | None = None) -> Result:
        """The result that a value is.

        :param files: where the job's large values are.
        """
        result = Result(
            parameter_set=self.frame[0],
            frame=self.frame,
            place=self.place,
            site=self.site,
            value=self.value,
            node=self.node,
        )
        return result.with_files(self.files, files)


def read_token(raw: Mapping[str, Any]) -> Token:
    """Tell what a token says.

    :param raw: the token as DFM dumps it. What is none raises one of :data:`UNREADABLE`.
    """
    place, frame = raw["target_place"], raw["frame"]["frame"]
    where = (() if frame == "stop" else tuple(frame), place, raw["source_site"], raw.get("source_node"))
    tag, value = raw["tagged_data"]
    if place == TELEMETRY_PLACE:
        return Token("other", *where)
    if tag == "BaseModel" and isinstance(value["data"], dict) and value["data"].get("token") == ERROR_TOKEN:
        return Token("error", *where, value["data"]["errors"])
    if place == STATUS_PLACE:
        return Token("end", *where)
    if frame == "stop":
        return Token("other", *where)
    if tag == PLAIN:
        return Token("value", *where, value, read_sizes(raw["files"]))
    if tag in ("json", "BaseModel"):
        return Token("value", *where, value["data"] if tag == "BaseModel" else value)
    if tag != PICKLE:
        raise ValueError(f"a value of the unknown kind {tag!r:.100}")
    return Token("pickle", *where)
