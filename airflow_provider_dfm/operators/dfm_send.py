"""The operator that sends parameter sets to a pipeline that runs, or stops it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.task_identity import task_identity
from airflow_provider_dfm.operators.iso_dates import IsoDatesOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.parameter_sets import ParameterSets

PARAMETER_SETS = "parameter_sets"


class DfmSendParamsOperator(IsoDatesOperator):
    """Sends parameter sets to a pipeline that a ``DfmExecuteOperator(autostop=False)`` started, in any run or DAG.

    Over all tries of the task its sets are sent once; a task that was cleared sends them anew. It ends when the job
    has them, not when they are answered. The task's XCom is the job's id, and the XCom ``parameter_sets`` lists the
    indices that its sets have among all of the job's, by which its results are known.

    :param job_id: the job's id, usually the XCom of the task that submitted it. Templated.
    :param input_params: one parameter set (a dict from place to value), or a list of them; None: none. Templated.
    :param stop: let the pipeline end once it has done these sets and all before them. Afterwards nothing can be sent
        any more.
    :param dfm_conn_id: the connection. Templated. Not one of the target ``local``, whose jobs end with their task.
    """

    template_fields: Sequence[str] = ("job_id", "input_params", "dfm_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"input_params": "json"}
    ui_color = "#e5f5e0"

    def __init__(
        self,
        *,
        job_id: str,
        input_params: ParameterSets = None,
        stop: bool = False,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.input_params = input_params
        self.stop = stop
        self.dfm_conn_id = dfm_conn_id

    def execute(self, context: Context) -> str:
        if self.input_params is None and not self.stop:
            raise ParameterSetError(
                "There is nothing to send: input_params is None. Give a parameter set or a list of them, or stop=True."
            )
        # The same in each try of the task, and another one once it is cleared.
        key = task_identity(context, self.dfm_conn_id).job.job_id(0)
        hook = DfmHook(self.dfm_conn_id)
        with contextlib.closing(hook):
            sent = hook.send_input_params(self.job_id, self.input_params, key, self.stop)
        context["ti"].xcom_push(key=PARAMETER_SETS, value=sent)
        return self.job_id
