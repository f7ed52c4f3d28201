"""Parameter sets as a DAG author gives them, and as they travel."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.federation.job_note import MAX_PARAMETER_SETS
from airflow_provider_dfm.federation.kept_reference import KEPT

# An instance of a parameter set's model is a set too.
ParameterSets: TypeAlias = Mapping[str, Any] | BaseModel | Sequence[Mapping[str, Any] | BaseModel] | None
# A reference as a template writes it, alone or within a text.
WRITTEN_REFERENCE = re.compile(rf"""\{{['"]{KEPT}['"]: ?\{{""")


def normalize_parameter_sets(input_params: ParameterSets) -> list[dict[str, Any]]:
    """Make a list of sets whose values are what JSON knows.

    :param input_params: one set, a list of sets, or None for none. A set is a dict, or an instance of a model that
        :func:`parameter_set_model` made. Dates and times become ISO 8601 text; a datetime that names no zone is taken
        for one in UTC.
    :raises ParameterSetError: a value that cannot travel; names the set and the place. Or there are too many sets.
    """
    if input_params is None:
        return []
    given = [input_params] if isinstance(input_params, (Mapping, BaseModel)) else input_params
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ParameterSetError(
            f"Parameter sets are a dict, a list of dicts, or None, not {type(input_params).__name__} "
            f"{input_params!r:.100}."
        )
    if len(given) > MAX_PARAMETER_SETS:
        raise ParameterSetError(
            f"There are {len(given)} parameter sets, but a job can have {MAX_PARAMETER_SETS} at most: submit several "
            "jobs."
        )
    sets = []
    for index, one in enumerate(given):
        # A default is as the schema has it, such as the text of a date: pydantic would warn of that.
        parameter_set = one.model_dump(by_alias=True, warnings=False) if isinstance(one, BaseModel) else one
        if not isinstance(parameter_set, Mapping):
            raise ParameterSetError(f"Parameter set {index} is not a dict: {parameter_set!r:.100}.")
        _refuse_reference(parameter_set, f"Parameter set {index}")
        sets.append(
            {
                str(place): _plain(value, f"Parameter set {index}, place {place!r}")
                for place, value in parameter_set.items()
            }
        )
    return sets


def plain_arguments(arguments: Mapping[str, Any], what: str) -> dict[str, Any]:
    """What JSON knows of the arguments of a function; dates and times become ISO 8601 text.

    :param arguments: name to value.
    :param what: whose they are, for the message.
    :raises ParameterSetError: a value that cannot travel; names the argument.
    """
    return {name: _plain(value, f"Argument {name!r} of the {what}") for name, value in arguments.items()}


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, str):
        written = WRITTEN_REFERENCE.search(value)
        if written:
            raise _says_where(value[written.start() :], where)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    if isinstance(value, (datetime.date, datetime.datetime, datetime.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        _refuse_reference(value, where)
        if not all(isinstance(key, str) for key in value):
            raise ParameterSetError(f"{where}: the keys of a dict have to be text: {value!r:.100}.")
        return {key: _plain(inner, where) for key, inner in value.items()}
    # What mapped tasks gave is a sequence of Airflow's own.
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_plain(inner, where) for inner in value]
    raise ParameterSetError(
        f"{where}: a {type(value).__name__} cannot travel to a site: {value!r:.100}. Give text, finite numbers, "
        "booleans, None, dates, lists or dicts."
    )


def _refuse_reference(value: Mapping[Any, Any], where: str) -> None:
    if KEPT in value:
        raise _says_where(value, where)


def _says_where(reference: Any, where: str) -> ParameterSetError:
    """A site could do nothing with it, and an operation that takes any value, or a text, would not even say so."""
    return ParameterSetError(
        f"{where}: {reference!r:.300} only says where something is kept that was left out of an XCom. Have a task give "
        "airflow_provider_dfm.results.whole(...) of it."
    )
