"""The operator that runs a DFM pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dfm.federation.errors import ConnectionSettingsError
from airflow_provider_dfm.federation.flare_options import read_options
from airflow_provider_dfm.hooks.shown_code import prepare_in_task
from airflow_provider_dfm.hooks.task_callbacks import TaskCallbacks, result_callbacks
from airflow_provider_dfm.operators.rendered_params import holds_text, read_rendered
from airflow_provider_dfm.operators.submitting import SubmittingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.job import FederationJob
    from airflow_provider_dfm.federation.parameter_sets import ParameterSets
    from airflow_provider_dfm.federation.pipeline import PipelineDefinition
    from airflow_provider_dfm.federation.prepared_pipeline import RestrictToSites
    from airflow_provider_dfm.federation.result_callbacks import NamedCallback
    from airflow_provider_dfm.hooks.dfm import DfmHook
    from airflow_provider_dfm.hooks.job_end import OnPartialFailure

# The federation's own limit is a safety net for a task that is no longer there to abort its job.
FEDERATION_GRACE_SECONDS = 60


def federation_limit(timeout: float) -> dict[str, int]:
    """FlareOptions with the federation's own limit for the job of a task.

    :param timeout: the seconds after which the task aborts it.
    """
    return {"task_timeout_s": math.ceil(timeout) + FEDERATION_GRACE_SECONDS}


class DfmExecuteOperator(SubmittingOperator):
    """Runs a DFM pipeline, once for each parameter set, as one job of the federation.

    The task's XCom is the job's id. The task succeeds when every parameter set was answered and no site and no
    operation failed; then the results are kept below the connection's ``results_path``. With the target
    ``local`` the job always runs to its end inside the task.

    :param pipeline: path or URI of a pipeline's JSON file, its JSON, or ``"package.module:function"``, which is
        called in the federation's interpreter. Templated.
    :param input_params: one parameter set (a dict from place to value), a list of them, or None for none, with
        ``autostop=False``; default: one empty set. A place may be left out where the operations that take its value
        have a default. Templated, each value or the whole: text that is the plain form of what the place takes becomes
        that, see :func:`read_rendered`; ``dag.param("size")`` hands on the value itself.
    :param pipeline_arguments: keyword arguments of the pipeline function. Templated.
    :param restrict_to_sites: ``"homesite"`` or a list of sites the pipeline may use; default: all. Not with a pipeline
        that is prepared already. Templated; a template that is to give a list needs the DAG's
        ``render_template_as_native_obj``, a list of templates does not.
    :param on_partial_failure: ``fail`` (default) or ``succeed`` when some of the parameter sets were answered and
        some were not. In the second case the XCom ``failed_parameter_sets`` has the reason for each that was not,
        by its index, and so has the result of a :class:`DfmResultsOperator` with the same setting.
    :param default_callback: called in the task with each result of a place that ``place_callbacks`` does not name:
        a function of the DAG file or another, or ``"package.module:function"``, sync or async, that takes DFM's
        ``site, node, frame, place, value``; see :class:`ResultCallbacks`. While the task waits in its own process
        results are handed on as they come, otherwise once the job has ended, from the kept results: the same calls in
        the same order. Each result is handed on once over all tries of the task, also when a callback raises; a
        process that is killed can have the results of its last second handed on again. A callback that raises fails
        the task, and leaves the job alone: a retry finds it, and goes on with the result that the callback had.
        Of a job that failed, callbacks have what came before, or nothing; that of ``_dfm_status_`` hears what failed.
    :param place_callbacks: place to the function that is called for it instead.
    :param debug: have DFM print what it does while it prepares the pipeline, and show the code that each site will
        run; both go to the task's log, folded.
    :param options: DFM's FlareOptions as a mapping: ``task_timeout_s``, the seconds after which the federation itself
        stops the job and fails it; 0: never. Default: a minute more than ``timeout``, for a task that is no longer
        there to abort its job. The target ``local`` has no such limit, and the task's log warns of one that is given;
        its jobs end with their task.
    :param force_modgen: have each site generate its code anew, though its cache has that of this pipeline.
    :param autostop: end the pipeline after these sets (default). Otherwise it runs on, takes what
        ``DfmSendParamsOperator`` sends it, and ends when that stops it, or with ``timeout`` after its submit. Clearing
        the task aborts it, and starts another in its place. Not with the target ``local``, whose jobs end with their
        task.
    :param wait_for_completion: see :class:`SubmittingOperator`; default: as ``autostop``, so that the task of a
        pipeline that runs on ends once it is submitted.

    The rest is as :class:`SubmittingOperator` says.
    """

    template_fields: Sequence[str] = (
        "pipeline",
        "input_params",
        "pipeline_arguments",
        "restrict_to_sites",
        *SubmittingOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"input_params": "json", "pipeline_arguments": "json"}

    def __init__(
        self,
        *,
        pipeline: PipelineDefinition,
        input_params: ParameterSets = {},  # noqa: B006 - never changed; None means no set at all, as in DFM
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        on_partial_failure: OnPartialFailure = "fail",
        autostop: bool = True,
        wait_for_completion: bool | None = None,
        default_callback: NamedCallback | None = None,
        place_callbacks: Mapping[str, NamedCallback] | None = None,
        debug: bool = False,
        options: Mapping[str, Any] | None = None,
        force_modgen: bool = False,
        **kwargs: Any,
    ) -> None:
        waits = autostop if wait_for_completion is None else wait_for_completion
        super().__init__(wait_for_completion=waits, **kwargs)
        if (default_callback or place_callbacks) and not waits:
            raise ValueError("Callbacks are called by a task that waits: set wait_for_completion.")
        self.autostop = autostop
        self.pipeline = pipeline
        self.input_params = input_params
        # As it was before Airflow renders it.
        self._written_params = input_params
        self.pipeline_arguments = pipeline_arguments
        self.restrict_to_sites = restrict_to_sites
        self.on_partial_failure = on_partial_failure
        self.default_callback = default_callback
        self.place_callbacks = place_callbacks
        self.debug = debug
        self.options = read_options(options)
        self.force_modgen = force_modgen

    def submit(self, hook: DfmHook, **once: Any) -> FederationJob:
        is_local = hook.settings.target == "local"
        if not self.autostop and is_local:
            raise ConnectionSettingsError(
                f"autostop=False needs the target flare: connection {self.dfm_conn_id!r} has the target local, whose "
                "jobs end with their task, so that no later one could send to the pipeline."
            )
        pipeline = prepare_in_task(
            hook, self.log, self.pipeline, self.restrict_to_sites, self.debug, self.pipeline_arguments
        )
        sets = self.input_params
        if holds_text(sets):
            sets = read_rendered(self._written_params, sets, pipeline.parameter_schema)
        job = hook.execute(
            pipeline,
            sets,
            autostop=self.autostop,
            default_callback=self.default_callback,
            place_callbacks=self.place_callbacks,
            options=self.options if is_local else federation_limit(self.timeout) | self.options,
            force_modgen=self.force_modgen,
            **once,
        )
        # They were found to fit the pipeline; the task calls them itself, and notes how far they have come.
        return job.call_back(None)

    def replaces_former(self) -> bool:
        # A pipeline that runs on would wait for ever for sets that go to its successor.
        return super().replaces_former() or not self.autostop

    def callbacks(self, context: Context, hook: DfmHook, job_id: str) -> TaskCallbacks | None:
        partial = self.on_partial_failure == "succeed"
        return result_callbacks(context, hook, job_id, self.default_callback, self.place_callbacks, partial)
