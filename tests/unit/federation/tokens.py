"""Tokens as a job's controller writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.remote.token_lines import PLAIN
from airflow_provider_dfm.remote.value_store import VALUES


def token(
    place: str = "answer",
    frame: list[int] | str = (0,),
    value: Any = 1,
    tag: str = "json",
    site: str = "seattle",
    node: int | None = 0,
) -> dict[str, Any]:
    return {
        "source_site": site,
        "source_node": node,
        "source_job": "job",
        "target_site": "analyst",
        "target_place": place,
        "target_job": "job",
        "is_yield": True,
        "frame": {"token": "@dfm-control-token", "frame": frame if isinstance(frame, str) else list(frame)},
        "tagged_data": [tag, value],
        "trace_context": None,
    }


def large(*contents: bytes, **options: Any) -> dict[str, Any]:
    """A list of byte strings, each in a file of its own."""
    sizes = {hashlib.sha256(content).hexdigest(): len(content) for content in contents}
    value = [{"@bytes": {"file": name, "bytes": size, "sha256": name}} for name, size in sizes.items()]
    return token(value=value, tag=PLAIN, **options) | {"files": sizes}


def model(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"class": name, "data": data}


def end(frame: list[int] | str = (0,), site: str = "seattle") -> dict[str, Any]:
    data = model("nv_dfm_core.api._stop_token.StopToken", {"token": "@dfm-stop-token"})
    return token("_dfm_status_", frame, data, "BaseModel", site, None)


def error(
    message: str,
    frame: list[int] | str = (0,),
    place: str = "answer",
    site: str = "seattle",
    trace: str = "",
    kind: str = "RuntimeError",
) -> dict[str, Any]:
    errors = [{"type": kind, "message": message, "stack_trace": trace}]
    data = model("nv_dfm_core.api._error_token.ErrorToken", {"token": "@dfm-error-token", "errors": errors})
    return token(place, frame, data, "BaseModel", site)


def write_job(
    folder: Path, *tokens: dict[str, Any], failures: dict[str, str] | None = None, values: Sequence[bytes] = ()
) -> Path:
    """Lay out a job as FLARE's download does."""
    kept = folder / "workspace" / "app_server" / "airflow_provider_dfm"
    kept.mkdir(parents=True)
    for value in values:
        (kept / VALUES).mkdir(exist_ok=True)
        (kept / VALUES / hashlib.sha256(value).hexdigest()).write_bytes(value)
    (kept / "tokens.jsonl").write_text("".join(json.dumps(each) + "\n" for each in tokens))
    if failures:
        (kept / "failures.json").write_text(json.dumps(failures))
    return folder


def meta(
    status: str = "FINISHED:COMPLETED",
    sets: int = 1,
    places: tuple[str, ...] = ("answer",),
    start_time: str = "",
    yields: dict[str, int] | None = None,
    certain: dict[str, int] | None = None,
) -> JobMeta:
    expectation = {"parameter_sets": sets, "places": list(places), "sites": ["seattle", "server"]}
    if yields is not None:
        expectation["yields"] = yields
    if certain is not None:
        expectation["certain"] = certain
    custom_props = {"airflow_provider_dfm": expectation}
    return JobMeta(job_id="1", name="trial", status=status, custom_props=custom_props, start_time=start_time)
