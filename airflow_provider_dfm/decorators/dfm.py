"""``@task.dfm_pipeline``: a DFM pipeline, built by a function in the DAG file."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory

from airflow_provider_dfm.federation.parameter_sets import plain_arguments
from airflow_provider_dfm.federation.pipeline import PipelineFunction
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind
from airflow_provider_dfm.operators.arguments import check_arguments
from airflow_provider_dfm.operators.dfm_execute import DfmExecuteOperator

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import TaskDecorator


class DfmPipelineDecoratedOperator(DecoratedOperator, DfmExecuteOperator):
    """Runs the pipeline that a function builds; see :func:`dfm_pipeline_task`."""

    custom_operator_name = "@task.dfm_pipeline"
    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        name: kind for name, kind in DfmExecuteOperator.arguments.items() if not name.startswith("pipeline")
    }
    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *(name for name in DfmExecuteOperator.template_fields if not name.startswith("pipeline")),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **DfmExecuteOperator.template_fields_renderers,
    }

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        _check_function(python_callable)
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            # Known in the task only.
            pipeline="",
            **kwargs,
        )

    @fails_for_good
    def execute(self, context: Context) -> Any:
        self.pipeline = _read_function(self.python_callable)
        # Arguments that are named like a value of the context get that, as with every @task.
        given = self.determine_kwargs({**context, **self.op_kwargs})
        bound = inspect.signature(self.python_callable).bind(*self.op_args, **given)
        self.pipeline_arguments = plain_arguments(bound.arguments, f"pipeline function {self.pipeline.name}")
        return super().execute(context)


def dfm_pipeline_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """Run the DFM pipeline that a function builds, as a task.

    .. code-block:: python

        @task.dfm_pipeline(dfm_conn_id="weather", input_params={"start": "2010-01-01", "end": "2010-01-31"})
        def mean(site):
            from nv_dfm_core.api import Pipeline, PlaceParam, Yield
            from weather.fed.api.temperature import Mean

            with Pipeline(name="mean") as pipeline:
                Yield(value=Mean(site=site, start=PlaceParam(place="start"), end=PlaceParam(place="end")), place="mean")
            return pipeline


        job_id = mean("seattle")

    The function runs in the federation's interpreter, so Airflow needs no DFM. Its text travels, not the DAG file's
    names: what it needs is imported, or defined, inside of it. What it is called with are the arguments it builds
    the pipeline by (plain data; dates arrive as ISO 8601 text), which can be mapped: ``mean.expand(site=[...])``.
    The task's XCom is the job's id.

    :param python_callable: the function; returns an ``nv_dfm_core.api.Pipeline``.
    :param kwargs: what :class:`~airflow_provider_dfm.operators.dfm_execute.DfmExecuteOperator` takes, except
        ``pipeline`` and ``pipeline_arguments``. A call can change it: ``mean.override(input_params=...)("seattle")``.
    """
    # Airflow itself looks at them once the function is called, and in the worker where it is mapped.
    check_arguments(DfmPipelineDecoratedOperator, kwargs)
    return task_decorator_factory(
        python_callable=python_callable, decorated_operator_class=DfmPipelineDecoratedOperator, **kwargs
    )


def _check_function(function: Callable[..., Any]) -> None:
    name = getattr(function, "__name__", "")
    if not inspect.isfunction(function) or name == "<lambda>" or inspect.iscoroutinefunction(function):
        raise TypeError(f"@task.dfm_pipeline takes a function that is written with def, not {function!r}.")
    unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in unnamed:
            raise TypeError(
                f"@task.dfm_pipeline passes arguments by their names, so {name} cannot have the parameter {parameter}."
            )


def _read_function(function: Callable[..., Any]) -> PipelineFunction:
    lines, first = inspect.getsourcelines(function)
    file = os.path.basename(inspect.getsourcefile(function) or "")
    return PipelineFunction(source="".join(lines), name=function.__name__, file=file, line=first)
