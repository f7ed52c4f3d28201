"""A DFM pipeline as a FLARE job whose results do not get lost.

DFM's own export (nv_dfm_core/targets/flare/_flare_app.py) gives the same configuration, but names DFM's
controller and executor: these lose results and call failures success, so the job brings subclasses of them.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from typing import Any

from airflow_provider_dfm.remote.bound_pipeline import SERVER, BoundPipeline
from airflow_provider_dfm.remote.job_parts import part_of, write_parts
from airflow_provider_dfm.remote.module_package import write_package

# A name of its own, so that it does not hide a provider that is installed at a site.
PACKAGE = "airflow_provider_dfm_job"


def write_flare_job(
    pipeline: BoundPipeline,
    folder: str,
    job_id: str,
    job_modules: dict[str, str],
    ends_at: float | None = None,
    task_timeout_s: int = 0,
    force_modgen: bool = False,
) -> str:
    """Write the job's folder.

    :param pipeline: what to run.
    :param folder: where to; a folder of the job's id is made in it.
    :param job_id: a version-4 UUID, which the server takes over.
    :param job_modules: name to source text of the modules that travel with the job, ``job_components`` and
        ``pipeline_executor`` among them.
    :param ends_at: when whoever submits it gives it up, in seconds since 1970; None: never.
    :param task_timeout_s: seconds after which the sites are told to stop; 0: never.
    :param force_modgen: have the server and the sites generate their code anew.
    :return: the job's folder.
    """
    job = os.path.join(folder, job_id)
    bound = pipeline.bind()
    sites = sorted(site for site in bound if site != SERVER)
    _write(os.path.join(job, "meta.json"), json.dumps(_meta(pipeline, job_id, sites, ends_at), indent=2))
    # FLARE hands a site its own app only, so its key is known to it and the server.
    parts = {site: part_of(bound[site].ir, secrets.token_hex(32)) for site in sites}
    controller: dict[str, Any] = {
        "id": "controller",
        "path": f"{PACKAGE}.job_components.ResultsController",
        "args": _arguments(pipeline.prepared, bound[SERVER], force_modgen)
        | {"task_timeout_s": task_timeout_s, "encoded_parts": write_parts(parts)},
    }
    if not pipeline.autostop:
        controller["args"] |= {"open_places": pipeline.open_places(), "parameter_sets": len(pipeline.parameter_sets)}
    _write_app(job, SERVER, {"workflows": [controller]}, job_modules)
    for site in sites:
        executor = {
            "path": f"{PACKAGE}.pipeline_executor.PipelineExecutor",
            "args": _arguments(pipeline.prepared, bound[site], force_modgen)
            | {"is_open": not pipeline.autostop, "key": parts[site].key},
        }
        _write_app(job, site, {"executors": [{"tasks": ["*"], "executor": executor}]}, job_modules)
    return job


def _meta(pipeline: BoundPipeline, job_id: str, sites: list[str], ends_at: float | None) -> dict[str, Any]:
    prepared = pipeline.prepared
    # A name with blanks breaks nvflare 2.6's submit_job, one with a slash DFM's export.
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", prepared.pipeline_name or "pipeline")
    return {
        "job_id": job_id,
        "name": f"{prepared.federation_module}-{prepared.homesite}-{name}",
        "resource_spec": {},
        "min_clients": len(sites),
        "mandatory_clients": sites,
        "deploy_map": {f"app_{site}": [site] for site in [SERVER, *sites]},
        "custom_props": pipeline.custom_properties(ends_at),
    }


def _arguments(prepared: Any, bound_net_ir: Any, force_modgen: bool) -> dict[str, Any]:
    # NVFLARE replaces {...} in every string of a configuration, so a parameter "{abc}" would arrive as None and
    # "{$HOME}" as a site's home folder; base64 has no braces.
    text = json.dumps(bound_net_ir.model_dump(mode="json"))
    return {
        "submitted_api_version": prepared.api_version,
        "federation_name": prepared.federation_module,
        "homesite": prepared.homesite,
        "encoded_net_ir": base64.b64encode(text.encode()).decode(),
        "force_modgen": force_modgen,
    }


def _write_app(job: str, site: str, config: dict[str, Any], job_modules: dict[str, str]) -> None:
    app = os.path.join(job, f"app_{site}")
    rest = {"format_version": 2, "components": [], "task_data_filters": [], "task_result_filters": []}
    name = "config_fed_server.json" if site == SERVER else "config_fed_client.json"
    _write(os.path.join(app, "config", name), json.dumps(rest | config, indent=2))
    write_package(os.path.join(app, "custom"), PACKAGE, job_modules)


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
