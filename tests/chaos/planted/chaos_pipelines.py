"""The pipeline of the kill matrix; with it comes, into the session host, a stop on each side of the real submit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chaos_stops import Stops
from nv_dfm_core.api import Pipeline, PlaceParam, Yield
from nvflare.fuel.flare_api import flare_api
from trials.fed.api.trial import Echo, Sleep

# Further steps, which only the session host sees.
HANDING_OVER = "handing over"  # the session host is about to send the job to the server
SERVER_HAS_IT = "server has it"  # the server has answered, and the worker does not know

_submit_job = flare_api.Session.submit_job


def echo(name: str) -> Pipeline:
    """Build: the parameter ``value`` comes back.

    :param name: the pipeline's name, by which the federation's list of jobs tells whose job it is.
    """
    with Pipeline(name=name) as pipeline:
        Yield(value=Echo(site="seattle", value=PlaceParam(place="value")), place="result")
    return pipeline


def sleep(name: str) -> Pipeline:
    """Build: the parameter ``value``, a number, comes back, that many seconds later.

    :param name: as for :func:`echo`.
    """
    with Pipeline(name=name) as pipeline:
        Yield(value=Sleep(site="seattle", seconds=PlaceParam(place="value")), place="result")
    return pipeline


def _submit_with_stops(session: Any, folder: str, *arguments: Any, **options: Any) -> str:
    stops = Stops()
    name = json.loads((Path(folder) / "meta.json").read_text())["name"]
    run = name.rpartition("-")[2]
    stops.stop(run, HANDING_OVER)
    job_id = str(_submit_job(session, folder, *arguments, **options))
    stops.note_submit(run, job_id)
    stops.stop(run, SERVER_HAS_IT, job_id=job_id)
    return job_id


flare_api.Session.submit_job = _submit_with_stops
