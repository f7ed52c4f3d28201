"""The arguments that all operators have which submit a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from airflow.sdk import conf

from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import TakesArguments, take_arguments
from airflow_provider_dfm.operators.iso_dates import IsoDatesOperator

# As long as Airflow's sensors wait: seven days.
DEFAULT_TIMEOUT = conf.getfloat("sensors", "default_timeout", fallback=7 * 24 * 3600.0)


class SubmitArguments(TakesArguments, IsoDatesOperator):
    """Base of the operators that submit a job: takes the arguments which all of them have.

    :param dfm_conn_id: the connection. Templated.
    :param wait_for_completion: wait for the job's end and check its results; otherwise the task ends once the
        job is submitted.
    :param deferrable: wait in the triggerer, without holding a worker; default: Airflow's
        ``operators.default_deferrable``.
    :param poll_interval: seconds between two looks at the job, or a timedelta; default 5. Templated.
    :param timeout: seconds the job may take, from its submit, or a timedelta; then the task fails. A try that finds the
        job has what is left of them. Default: Airflow's ``sensors.default_timeout``, seven days. ``execution_timeout``,
        counted from the try's start, ends the wait in the same way, and up to five seconds early where it is not
        deferred. Templated.
    :param on_timeout: ``abort`` (default) or ``leave`` the job then. Templated.
    :param min_sites: how many sites have to be connected; looked at before the submit. Templated.
    :param sites: sites that have to be connected, too: a list, or their names with commas between them. Templated.
    :param outage_timeout: seconds, or a timedelta, for which the federation may be out of reach before the job is
        submitted: the task tries again for so long, and then fails with the error of its last try. The job is submitted
        once all the same: each try looks for it first. With ``deferrable`` the task waits in the triggerer meanwhile,
        so it may be hours. Default: five minutes, or ``timeout`` where that is less. Templated.
    :param outage_interval: seconds, or a timedelta, from one such try to the next; the first ones come sooner, after 1,
        2, 4 … seconds. Default 30. Templated.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "dfm_conn_id": kinds.TEXT,
        "wait_for_completion": kinds.FLAG,
        "deferrable": kinds.FLAG,
        "poll_interval": kinds.DURATION,
        "timeout": kinds.DURATION,
        "on_timeout": kinds.choice("abort", "leave"),
        "min_sites": kinds.optional(kinds.whole_number(0)),
        "sites": kinds.SITES,
        "outage_timeout": kinds.optional(kinds.DURATION_OR_NO_TIME),
        "outage_interval": kinds.optional(kinds.DURATION_OR_NO_TIME),
    }
    template_fields: Sequence[str] = (
        "sites",
        "min_sites",
        "timeout",
        "poll_interval",
        "on_timeout",
        "outage_timeout",
        "outage_interval",
        "dfm_conn_id",
    )
    dfm_conn_id: str
    wait_for_completion: bool
    deferrable: bool
    poll_interval: float
    timeout: float
    on_timeout: Literal["abort", "leave"]
    min_sites: int | None
    sites: list[str]
    outage_timeout: float | None
    outage_interval: float | None

    def __init__(
        self,
        *,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: Seconds = 5.0,
        timeout: Seconds = DEFAULT_TIMEOUT,
        on_timeout: Literal["abort", "leave"] = "abort",
        min_sites: int | None = None,
        sites: str | Sequence[str] = (),
        outage_timeout: Seconds | None = None,
        outage_interval: Seconds | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        take_arguments(
            self,
            dfm_conn_id=dfm_conn_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            timeout=timeout,
            on_timeout=on_timeout,
            min_sites=min_sites,
            sites=sites,
            outage_timeout=outage_timeout,
            outage_interval=outage_interval,
        )
