"""What sensors in mode reschedule have to be warned of as their DAG is read."""

from __future__ import annotations

import logging
import warnings

from airflow.sdk import BaseSensorOperator

SHORTEST_SECONDS = 10.0
log = logging.getLogger(__name__)


def warn_of_short_pauses(sensor: BaseSensorOperator, deferrable: bool) -> None:
    """Warn where a sensor in mode reschedule may look again before Airflow is done with the last look.

    A look ends with its process, but the process that supervises it lingers for some seconds. Where the next look
    begins meanwhile, the supervisor of the last one takes the task for one that runs elsewhere, and fails it.

    :param sensor: whose mode and ``poke_interval`` are set.
    :param deferrable: whether it waits in the triggerer, whatever its mode.
    """
    if deferrable or not sensor.reschedule or sensor.poke_interval >= SHORTEST_SECONDS:
        return
    text = (
        f"Sensor {sensor.task_id!r} in mode reschedule has poke_interval={sensor.poke_interval:g}: below "
        f"{SHORTEST_SECONDS:g} s Airflow may fail the task, since its own process of one look can last into the next. "
        "Set it to 10 or more, or use mode poke or deferrable=True."
    )
    log.warning(text)
    warnings.warn(text, UserWarning, stacklevel=3)
