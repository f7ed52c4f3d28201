"""A pipeline as a FLARE job's folder. The pipeline has only what the configuration is written from."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.remote.flare_job import write_flare_job
from airflow_provider_dfm.remote.job_parts import read_parts


def pipeline():
    net = SimpleNamespace(ir=SimpleNamespace(transitions=[]), model_dump=lambda mode: {"transitions": []})
    prepared = SimpleNamespace(
        api_version="1.0.0", federation_module="weather", homesite="analyst", pipeline_name="compare"
    )
    return SimpleNamespace(
        prepared=prepared,
        autostop=True,
        bind=lambda: {"server": net, "seattle": net, "denver": net},
        custom_properties=lambda ends_at: {},
    )


@pytest.mark.parametrize("force_modgen", [True, False])
def test_server_and_sites_are_told_whether_to_generate_their_code_anew(tmp_path, force_modgen):
    write_flare_job(pipeline(), str(tmp_path), "1", {}, force_modgen=force_modgen)
    server = json.loads((tmp_path / "1/app_server/config/config_fed_server.json").read_text())
    site = json.loads((tmp_path / "1/app_seattle/config/config_fed_client.json").read_text())
    assert server["workflows"][0]["args"]["force_modgen"] is force_modgen
    assert site["executors"][0]["executor"]["args"]["force_modgen"] is force_modgen


def test_a_sites_key_is_in_its_own_app_and_in_the_servers_only(tmp_path):
    keys = set()
    for job_id in ("1", "2"):
        write_flare_job(pipeline(), str(tmp_path), job_id, {})
        apps = {path.parents[1].name: path.read_text() for path in (tmp_path / job_id).rglob("config_fed_*.json")}
        parts = read_parts(json.loads(apps["app_server"])["workflows"][0]["args"]["encoded_parts"])
        assert parts.keys() == {"seattle", "denver"}
        for site, part in parts.items():
            assert [app for app, text in apps.items() if part.key in text] == [f"app_{site}"]
            keys.add(part.key)
    assert len(keys) == 4
