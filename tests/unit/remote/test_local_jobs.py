"""What a job of the local target leaves in the session's private folder.

Its processes are not started: when they would have a value half written cannot be chosen.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from airflow_provider_dfm.remote.local_jobs import TOKENS_FOLDER, LocalJob, LocalJobs
from airflow_provider_dfm.remote.token_store import TokenStore
from airflow_provider_dfm.remote.value_store import LARGE_BYTES, VALUES, ValueStore


def test_a_value_that_a_site_of_an_aborted_job_still_writes_stays_where_it_is(tmp_path):
    jobs = LocalJobs({"homesite": "analyst"}, str(tmp_path), {})
    tokens = TokenStore()
    tokens.open(str(tmp_path / "job" / TOKENS_FOLDER))
    aborted = SimpleNamespace(
        job_id="dfms", get_status=lambda: SimpleNamespace(name="ABORTED"), wait_until_finished=lambda timeout: None
    )
    jobs._jobs["job"] = LocalJob(aborted, None, None, None, tokens, None, aborted=True)
    site = ValueStore(str(tmp_path / VALUES / "dfms"))
    kept = site.keep(memoryview(bytes(LARGE_BYTES)))
    growing = site.begin()
    growing.write(bytes(LARGE_BYTES + 1))
    location = Path(jobs.download_job_result("job")["location"])
    assert [path.name for path in (location / TOKENS_FOLDER / VALUES).iterdir()] == [kept["file"]]
    growing.end()
