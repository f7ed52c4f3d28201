"""Which values the parameters of a pipeline's operations may have, as the sites' advisors say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import DiscoveryFailed, PipelineError, ResultsIncomplete
from airflow_provider_dfm.federation.job_logs import shortened
from airflow_provider_dfm.federation.tokens import ERROR_TOKEN

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.federation.tokens import Result

# More than that nobody wants as an XCom, nor as mapped tasks: core.max_map_length is 1024.
MAX_COMBINATIONS = 1000
MESSAGE_CHARACTERS = 2000


class OperationAdvice(BaseModel, frozen=True):
    """What the advisors of one operation say.

    :param operation: its name, such as ``"temperature.Statistics"``.
    :param site: the site that was asked.
    :param node: its node in the pipeline.
    :param fields: each advised field with all values it may have, whatever the others are.
    :param advice: None where nothing is advised; otherwise ``{"field", "options"}``, each option with a ``value`` and
        ``then``: the advice on the next field for that value, None at the end, or ``"partial"`` where the advisor says
        that more has to be given before it can go on.
    :param combinations: the values that go together, a dict for each combination; None where there are more than
        1000, or a range of dates among them.
    """

    operation: str
    site: str
    node: str
    fields: dict[str, list[Any]]
    advice: dict[str, Any] | None
    combinations: list[dict[str, Any]] | None


class Discovery(BaseModel, frozen=True):
    """What the sites say.

    :param operations: what they advise for each operation; of one whose site is left open, what each site says.
    :param parameter_sets: the values for the pipeline's parameter places that all operations agree on, a dict for each
        combination, of the places that are advised on; None where there are more than 1000, or a range of dates.
    :param errors: what is missing, each with ``site``, ``operations`` and ``message``, and ``field`` and ``value``
        where one given value is refused.
    """

    operations: list[OperationAdvice]
    parameter_sets: list[dict[str, Any]] | None
    errors: list[dict[str, Any]]

    def check(self) -> None:
        """Make sure that nothing is missing.

        :raises DiscoveryFailed: an advisor failed or refused a value, or a site gave no advice.
        """
        if self.errors:
            raise DiscoveryFailed(
                "The advice is not whole: "
                + "; ".join(f"site {e['site']}, {', '.join(e['operations'])}: {e['message']}" for e in self.errors)
                + ". Take what there is with on_error='list'."
            )


def read_discovery(results: FederationResults) -> Discovery:
    """What came of a job that asked for advice.

    :param results: the job's.
    :raises PipelineError: the job did not ask for advice.
    :raises JobFailed, ResultsIncomplete: it failed.
    """
    asked = results.outcome.discovery
    if asked is None:
        raise PipelineError(f"Job {results.outcome.job_id} ran a pipeline of mode execute: it has results, no advice.")
    operations: list[OperationAdvice] = []
    errors: list[dict[str, Any]] = []
    answered = set()
    for result in results:
        answered.add(result.site)
        try:
            _read_answer(result, asked["operations"], operations, errors)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ResultsIncomplete(
                f"Site {result.site} gave advice that cannot be read: {type(error).__name__}: {error}"
            ) from None
    for site in asked["sites"]:
        if site not in answered:
            errors.append(
                {"site": site, "operations": _asked_at(site, asked["operations"]), "message": "gave no answer"}
            )
    places = {node: operation["places"] for node, operation in asked["operations"].items()}
    return Discovery(operations=operations, parameter_sets=_parameter_sets(operations, places), errors=errors)


def is_good_enough(results: FederationResults, partial: bool) -> bool:
    """Whether whoever wanted a job can take what came of it, and need not have it done again.

    :param results: the job's, of either mode.
    :param partial: whether it may have answered in part: some of its sets, or some of the advisors.
    """
    if results.outcome.failure(partial) is not None:
        return False
    if results.outcome.discovery is None:
        return True
    try:
        # What advisors raise comes as advice, so that the job itself has succeeded.
        errors = read_discovery(results).errors
    except ResultsIncomplete:
        return False
    return partial or not errors


def _read_answer(
    result: Result, asked: dict[str, Any], operations: list[OperationAdvice], errors: list[dict[str, Any]]
) -> None:
    answer, site = result.value, result.site
    if isinstance(answer, dict) and answer.get("token") == ERROR_TOKEN:
        # A site asks all its advisors in one go: the first that raises takes the others' advice with it.
        message = "; ".join(f"{error['type']}: {error['message']}" for error in answer["errors"])
        errors.append(
            {"site": site, "operations": _asked_at(site, asked), "message": shortened(message, MESSAGE_CHARACTERS)}
        )
        return
    for node, advice in answer:
        name = asked[str(node["ident"])]["name"]
        refused: list[dict[str, Any]] = []
        tree = _tree(advice, refused)
        errors += [{"site": site, "operations": [name]} | refusal for refusal in refused]
        fields: dict[str, dict[str, Any]] = {}
        _collect(tree, fields)
        operations.append(
            OperationAdvice(
                operation=name,
                site=site,
                node=str(node["ident"]),
                fields={field: list(values.values()) for field, values in fields.items()},
                advice=tree,
                combinations=_limited(_combinations(tree)),
            )
        )


def _asked_at(site: str, asked: dict[str, Any]) -> list[str]:
    return sorted({operation["name"] for operation in asked.values() if operation["site"] in (site, None)})


def _tree(advice: Any, refused: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Advice in one form, whether DFM has it as a branch or as a single value; without what the advisors refuse."""
    if advice is None:
        return None
    if "branches" in advice:
        branches = advice["branches"]
    else:
        # A list stands for its items: nv_dfm_core/api/discovery/_field_advice.py, SingleFieldAdvice.__iter__
        values = advice["value"] if isinstance(advice["value"], list) else [advice["value"]]
        branches = [(value, advice["edge"]) for value in values]
    options = []
    for value, edge in branches:
        if edge is not None and "msg" in edge:
            refused.append(
                {"field": advice["field"], "value": value, "message": shortened(edge["msg"], MESSAGE_CHARACTERS)}
            )
        elif edge is not None and "partial" in edge:
            options.append({"value": value, "then": "partial"})
        else:
            options.append({"value": value, "then": _tree(edge, refused)})
    return {"field": advice["field"], "options": options}


def _collect(tree: Any, fields: dict[str, dict[str, Any]]) -> None:
    """Each field's values, each once and by its JSON, as a site may advise a great many."""
    if isinstance(tree, dict):
        values = fields.setdefault(tree["field"], {})
        for option in tree["options"]:
            values.setdefault(json.dumps(option["value"], sort_keys=True), option["value"])
            _collect(option["then"], fields)


def _combinations(tree: Any) -> Iterator[dict[str, Any] | None]:
    """The combinations of an advice; None for one that is a range and not a value."""
    if not isinstance(tree, dict):
        yield {}
        return
    for option in tree["options"]:
        for rest in _combinations(option["then"]):
            yield None if rest is None or _is_range(option["value"]) else {tree["field"]: option["value"], **rest}


def _is_range(value: Any) -> bool:
    # nv_dfm_core/exec/discovery/_advised_values.py, AdvisedDateRange
    return isinstance(value, dict) and value.keys() == {"startdate", "enddate", "timeinterval"}


def _limited(combinations: Iterator[dict[str, Any] | None]) -> list[dict[str, Any]] | None:
    first = list(itertools.islice(combinations, MAX_COMBINATIONS + 1))
    known = [combination for combination in first if combination is not None]
    return known if len(known) == len(first) <= MAX_COMBINATIONS else None


def _parameter_sets(
    operations: list[OperationAdvice], places: dict[str, dict[str, str]]
) -> list[dict[str, Any]] | None:
    """What all operations agree on."""
    sets: list[dict[str, Any]] = [{}]
    for operation in operations:
        of_places = places[operation.node]
        if operation.combinations is None:
            return None
        renamed: list[dict[str, Any]] = []
        for combination in operation.combinations:
            given = {of_places[field]: value for field, value in combination.items() if field in of_places}
            if given not in renamed:
                renamed.append(given)
        joined = (
            one | other
            for one in sets
            for other in renamed
            if all(one[place] == other[place] for place in one.keys() & other.keys())
        )
        limited = _limited(joined)
        if limited is None:
            return None
        sets = limited
    return sets if sets != [{}] else []
