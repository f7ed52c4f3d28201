"""What Airflow has to know of this provider."""

from __future__ import annotations

from typing import Any

TEXT = {"type": ["string", "null"]}


def get_provider_info() -> dict[str, Any]:
    """The provider's description, for Airflow's entry point ``apache_airflow_provider``."""
    return {
        "package-name": "airflow-provider-dfm",
        "name": "DFM / FLARE federations",
        "description": "NVIDIA DFM pipelines and NVIDIA FLARE jobs as Airflow tasks.",
        "integrations": [
            {
                "integration-name": "NVIDIA DFM",
                "external-doc-url": "https://nvidia.github.io/data-federation-mesh/",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": "NVIDIA DFM", "python-modules": ["airflow_provider_dfm.hooks.dfm"]}],
        "operators": [
            {
                "integration-name": "NVIDIA DFM",
                "python-modules": ["airflow_provider_dfm.operators.dfm", "airflow_provider_dfm.operators.flare"],
            }
        ],
        "sensors": [
            {
                "integration-name": "NVIDIA DFM",
                "python-modules": ["airflow_provider_dfm.sensors.federation", "airflow_provider_dfm.sensors.job"],
            }
        ],
        "triggers": [
            {
                "integration-name": "NVIDIA DFM",
                "python-modules": [
                    "airflow_provider_dfm.triggers.federation",
                    "airflow_provider_dfm.triggers.job",
                    "airflow_provider_dfm.triggers.outage",
                ],
            }
        ],
        "task-decorators": [
            {"name": "dfm_pipeline", "class-name": "airflow_provider_dfm.decorators.dfm.dfm_pipeline_task"}
        ],
        "connection-types": [
            {
                "connection-type": "dfm",
                "hook-class-name": "airflow_provider_dfm.hooks.dfm.DfmHook",
                "hook-name": "DFM / FLARE federation",
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "schema", "port", "password", "extra"],
                    "relabeling": {"login": "FLARE user"},
                    "placeholders": {"login": "analyst@weather.example"},
                },
                "conn-fields": _connection_fields(),
            }
        ],
    }


def _connection_fields() -> dict[str, dict[str, Any]]:
    return {
        "startup_kit": {
            "label": "Startup kit",
            "schema": TEXT,
            "description": "Folder, zip or tar of the user's startup kit (it holds startup/ and local/): a path "
            "on the workers or a URI, such as s3://bucket/kit.zip.",
        },
        "startup_kit_secret": {
            "label": "Startup kit, content",
            "schema": {**TEXT, "format": "password"},
            "description": "Instead of a path: the kit's zip in base64.",
        },
        "python": {
            "label": "Python interpreter",
            "schema": TEXT,
            "description": "Interpreter of the federation's own environment, with its nvflare and nv-dfm-core. "
            "Default: Airflow's.",
        },
        "python_path": {
            "label": "Python path",
            "schema": TEXT,
            "description": "Folders put first on that interpreter's path, separated by colons.",
        },
        "federation": {
            "label": "Federation",
            "schema": TEXT,
            "description": "The DFM federation's Python package. Leave empty for plain FLARE.",
        },
        "homesite": {"label": "Home site", "schema": TEXT, "description": "The DFM home site."},
        "target": {
            "label": "Target",
            "schema": {**TEXT, "enum": ["flare", "local"], "default": "flare"},
            "description": "flare: the real federation; local: all sites run in the task.",
        },
        "secure_mode": {"label": "Secure mode", "schema": {"type": ["boolean", "null"], "default": True}},
        "connect_timeout": {
            "label": "Connect timeout (s)",
            "schema": {"type": ["number", "null"], "default": 30, "exclusiveMinimum": 0},
        },
        "results_path": {
            "label": "Results path",
            "schema": TEXT,
            "description": "Folder or URI that keeps the results of jobs; default: dfm_results below Airflow's "
            "home. Workers on several machines need one that all of them reach.",
        },
    }
