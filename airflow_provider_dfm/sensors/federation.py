"""The sensor that waits for sites of a federation."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf
from airflow.sdk.exceptions import AirflowSensorTimeout

from airflow_provider_dfm.federation.errors import SitesMissing
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.site_wait import SiteWait, SiteWatch, connected_sites
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, Seconds
from airflow_provider_dfm.operators.arguments import (
    TakesArguments,
    check_arguments,
    read_arguments,
    take_arguments,
)
from airflow_provider_dfm.sensors.reschedule import warn_of_short_pauses
from airflow_provider_dfm.triggers.federation import FederationReadyTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class FederationReadySensor(TakesArguments, BaseSensorOperator):
    """Waits until so many sites, or the named ones, are connected to the federation's server.

    A server that cannot be reached is waited for, too. Its XCom is the list of the connected sites.

    :param min_sites: how many sites have to be connected; default: one, unless ``sites`` are named. Templated.
    :param sites: those that have to be: a list, or their names with commas between them. Templated.
    :param dfm_conn_id: the connection. Templated.
    :param deferrable: wait in the triggerer, without holding a worker; default: Airflow's
        ``operators.default_deferrable``.
    :param poke_interval: seconds between two looks, or a timedelta; default 30, and at least 10 in mode reschedule.
    :param timeout: seconds to wait, or a timedelta; then the task fails, and says what was missing. Default: Airflow's
        ``sensors.default_timeout``, seven days.
    :raises ArgumentError: an argument is wrong; docs/arguments.md has what each takes.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "min_sites": kinds.optional(kinds.whole_number(0)),
        "sites": kinds.SITES,
        "dfm_conn_id": kinds.TEXT,
        "deferrable": kinds.FLAG,
        "poke_interval": kinds.DURATION,
        "timeout": kinds.optional(kinds.DURATION_OR_NO_TIME),
    }
    template_fields: Sequence[str] = ("sites", "min_sites", "dfm_conn_id")
    ui_color = "#e5f5e0"
    min_sites: int | None
    sites: list[str]
    dfm_conn_id: str
    deferrable: bool

    def __init__(
        self,
        *,
        min_sites: int | None = None,
        sites: str | Sequence[str] = (),
        dfm_conn_id: str = DEFAULT_CONNECTION,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: Seconds = 30.0,
        timeout: Seconds | None = None,
        **kwargs: Any,
    ) -> None:
        # Before Airflow makes them seconds, and looks less closely.
        waits = {"poke_interval": poke_interval, "timeout": timeout, "deferrable": deferrable}
        check_arguments(type(self), {"task_id": kwargs.get("task_id"), **waits})
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        warn_of_short_pauses(self, deferrable)
        take_arguments(self, min_sites=min_sites, sites=sites, dfm_conn_id=dfm_conn_id, deferrable=deferrable)
        self._watch: SiteWatch | None = None
        self._wait: SiteWait | None = None

    @fails_for_good
    def execute(self, context: Context) -> Any:
        read_arguments(self)
        if self.deferrable:
            required = self._required()
            ends_at = time.time() + self.timeout
            trigger = FederationReadyTrigger(
                self.dfm_conn_id, required.min_sites, required.sites, self.poke_interval, ends_at
            )
            self.defer(trigger=trigger, method_name="execute_complete")
        self._watch = SiteWatch(DfmHook(self.dfm_conn_id), worked_before=False)
        with contextlib.closing(self._watch):
            return super().execute(context)

    @fails_for_good
    def execute_complete(self, context: Context, event: dict[str, Any]) -> list[str]:
        """Take up again where the wait ended.

        :param event: as :class:`FederationReadyTrigger` fires it.
        """
        try:
            return connected_sites(event)
        except SitesMissing as error:
            # What a sensor raises, deferred or not: soft_fail goes by it.
            raise AirflowSensorTimeout(str(error)) from error

    @fails_for_good
    def poke(self, context: Context) -> PokeReturnValue:
        """Look once, in a session that lives as long as this process does."""
        assert self._watch is not None
        self._wait = self._wait or SiteWait(self._required(), None, self.log)
        event = self._wait.take(self._watch.poll())
        if event is None:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=connected_sites(event))

    def _required(self) -> RequiredSites:
        required = RequiredSites(min_sites=self.min_sites, sites=tuple(self.sites))
        return required or RequiredSites(min_sites=1)
