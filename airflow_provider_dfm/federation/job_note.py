"""What this provider notes in the ``custom_props`` of the jobs that it submits.

Anybody who may submit a job can write the same into his own, so it is checked before something is built on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from airflow_provider_dfm.federation.answers import describe_misfit
from airflow_provider_dfm.federation.errors import JobMetaError

# The note's key in a job's custom_props.
CUSTOM_PROPERTY = "airflow_provider_dfm"
# Reading a job's results takes some memory for each set and place that has none. DFM takes minutes for 10,000 sets.
MAX_PARAMETER_SETS = 1_000_000
MAX_EXPECTED_VALUES = 10_000_000

Count = Annotated[int, Field(ge=1)]


class AskedOperation(BaseModel, frozen=True):
    """An operation whose advisors a job asks.

    :param name: the operation's.
    :param site: the site that is asked; None: that is left open.
    :param places: the operation's fields that are parameters of the pipeline, each with its place.
    """

    name: str
    site: str | None = None
    places: dict[str, str] = {}


class Asked(BaseModel, frozen=True):
    """What a job of mode discovery asks.

    :param sites: the sites that have to answer.
    :param operations: the operations, by their nodes.
    """

    sites: tuple[str, ...]
    operations: dict[str, AskedOperation]


class JobNote(BaseModel, frozen=True):
    """The note; an empty one for a job that somebody else submitted.

    :param content: what the job is to do: see :func:`job_identity.is_same_content`.
    :param ends_at: when whoever submitted it gives it up, in seconds since 1970; None: nobody said.
    :param parameter_sets: of a pipeline: how many parameter sets it was given.
    :param places: the places that every set has to give a value to.
    :param certain: how many values come there for each set.
    :param yields: the same of all places, those that a condition guards included; there it is the most that can come.
    :param parameters: where the value of each parameter place goes: ``operation``, ``site`` and ``field``.
    :param open: whether it takes further sets while it runs.
    :param set_numbers: the sets that it does, where it leaves out those that an earlier job has answered.
    :param continues: that earlier job.
    :param accepts_partial: whether who submitted it takes it with some of its sets unanswered.
    :param discovery: of a job that asks for advice: what it asks.
    """

    content: str = ""
    ends_at: Annotated[float, Field(allow_inf_nan=False)] | None = None
    parameter_sets: Annotated[int, Field(ge=0, le=MAX_PARAMETER_SETS)] | None = None
    places: tuple[str, ...] = ()
    certain: dict[str, Count] = {}
    yields: dict[str, Count] = {}
    parameters: dict[str, list[dict[str, str]]] = {}
    open: bool = False
    set_numbers: tuple[int, ...] | None = None
    continues: str | None = None
    accepts_partial: bool = False
    discovery: Asked | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> JobNote:
        numbers, sets = self.set_numbers, self.parameter_sets or 0
        if sets * len(self.places) > MAX_EXPECTED_VALUES:
            raise ValueError("so many parameter sets with so many places cannot be")
        if not self.certain.keys() <= set(self.places):
            raise ValueError("certain names a place that there is not")
        if (numbers is None) != (self.continues is None):
            raise ValueError("set_numbers and continues go together")
        if numbers is not None and not all(0 <= number < sets for number in numbers):
            raise ValueError("set_numbers names a set that there is not")
        return self

    @property
    def is_of_pipeline(self) -> bool:
        """Whether this provider made the job from a pipeline, so that its results are kept."""
        return self.parameter_sets is not None


def read_note(custom_props: Mapping[str, Any], job: str) -> JobNote:
    """Read a job's note.

    :param custom_props: the job's.
    :param job: which job, for the error.
    :raises JobMetaError: there is something else in the note's place.
    """
    try:
        return JobNote.model_validate(custom_props.get(CUSTOM_PROPERTY, {}))
    except (ValidationError, RecursionError) as error:
        raise JobMetaError(
            f"The meta of {job} has custom_props under {CUSTOM_PROPERTY!r} that this provider did not write: "
            f"{describe_misfit(error)}. Whoever submitted the job changed or made them up: its results cannot be read. "
            "Submit it anew."
        ) from None
