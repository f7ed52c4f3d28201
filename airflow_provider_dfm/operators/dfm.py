"""Operators for DFM pipelines, each in a module of its own."""

from airflow_provider_dfm.operators.dfm_discover import DfmDiscoverOperator
from airflow_provider_dfm.operators.dfm_execute import DfmExecuteOperator
from airflow_provider_dfm.operators.dfm_prepare import DfmPrepareOperator
from airflow_provider_dfm.operators.dfm_results import DfmResultsOperator
from airflow_provider_dfm.operators.dfm_send import DfmSendParamsOperator

__all__ = [
    "DfmDiscoverOperator",
    "DfmExecuteOperator",
    "DfmPrepareOperator",
    "DfmResultsOperator",
    "DfmSendParamsOperator",
]
