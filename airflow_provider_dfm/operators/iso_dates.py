"""Dates and times in templates, written in ISO 8601."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context


class IsoDatesOperator(BaseOperator):
    """Renders Jinja expressions whose value is a date, a datetime or a time in ISO 8601.

    ``"{{ data_interval_start }}"`` becomes ``2010-01-01T00:00:00+00:00``, where Airflow's other operators give
    ``2010-01-01 00:00:00+00:00``; a datetime that names no zone is taken for one in UTC. That holds for all templated
    fields, in mapped tasks and with ``render_template_as_native_obj`` too, which then gives text in place of a
    datetime.
    """

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        # get_template_env is not asked of a mapped task's operator, but of the MappedOperator, which is Airflow's own:
        # airflow/sdk/definitions/mappedoperator.py, render_template_fields
        environment = jinja_env or self.get_template_env()
        finalize = environment.finalize
        if not isinstance(finalize, _IsoDates):
            # Airflow makes an environment anew for each task.
            environment.finalize = _IsoDates(finalize)
        return super().render_template(content, context, environment, seen_oids)


class _IsoDates:
    """What an environment does with each expression's value: its own, and then ours.

    :param before: the environment's own.
    """

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, value: Any) -> Any:
        if self._before is not None:
            value = self._before(value)
        if isinstance(value, datetime.datetime) and value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        # Airflow's context has proxies for some of them, which isinstance sees through.
        return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value
