"""Runs DAGs in Airflow's network, and cuts the wire to the federation's while they wait and while they submit.

``test_network_cut.py`` starts it in Airflow's network, as ``python -m tests.outages.network_cut SETTINGS``; SETTINGS
is JSON: ``networks`` (their name), ``folder``, ``seconds`` (how long a cut lasts). It writes what came of it to
``outcomes.json`` in the folder: for each case ``seen``, the states and try numbers during the cut; ``state``, the
run's; ``tries``; ``answers``, what the job of each task's XCom answered; ``completed``, what all completed jobs
answered; ``wanted``; and ``log``, of failed tasks.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.airflow_process import AirflowProcess
from demo.demonstration import make_airflow
from demo.flare_poc import FlarePoc
from tests.outages.forms import LONG
from tests.outages.networks import HOST, Networks
from tests.outages.server_records import AdminCommands, completed_values
from tests.outages.surroundings import connect, make_outage_federation, session_fields
from tests.outages.waiting_run import HeldJobs, WaitingRun, wait_until

START_SECONDS = 240
# A submit whose reply is lost is given up after SUBMIT_SECONDS of federation/submit_commands.py, and looked for then.
END_SECONDS = 900


class NetworkCuts:
    """The cases, on a running federation and Airflow with a wire between them.

    :param seconds: how long a cut lasts.
    """

    def __init__(
        self, networks: Networks, federation: FlarePoc, airflow: AirflowProcess, folder: Path, seconds: float
    ) -> None:
        self._networks = networks
        self._federation = federation
        self._airflow = airflow
        self._folder = folder
        self._seconds = seconds

    def while_waiting(self) -> dict[str, Any]:
        """Cut while deferred tasks and tasks in workers wait for jobs that run and for jobs in the queue."""
        jobs = {"deferred": HeldJobs(self._folder), "in_worker": HeldJobs(self._folder)}
        runs = {
            way: WaitingRun(self._airflow, f"hold_{way}", count, jobs[way].conf(count))
            for way, count in (("deferred", 2), ("in_worker", 1))
        }
        runs["deferred"].wait_for_all("deferred", START_SECONDS)
        wait_until(lambda: None not in runs["in_worker"].xcoms("job_id"), START_SECONDS, "the workers' jobs")
        seen = self._cut(self._networks.cut, runs)
        for held in jobs.values():
            held.release()
        return {f"waiting {way}": self._outcome(run, jobs[way], seen[way]) for way, run in runs.items()}

    def while_submitting(self, name: str, let_go: Callable[[Path], None]) -> dict[str, Any]:
        """Cut once the tasks stand right before their submit, and let them go on into the cut.

        :param name: the case's name.
        :param let_go: cuts, and makes the file that the tasks wait for.
        """
        jobs = HeldJobs(self._folder)
        pause = self._folder / jobs.values
        pause.mkdir()
        run = WaitingRun(self._airflow, "hold_submit", 2, jobs.conf(2) | {"pause": str(pause)})
        wait_until(lambda: len(list(pause.glob("at-*"))) == run.count, START_SECONDS, "tasks before their submit")
        seen = self._cut(lambda: let_go(pause / "go"), {name: run})
        jobs.release()
        return {name: self._outcome(run, jobs, seen[name])}

    def into_silence(self, go: Path) -> None:
        """Nothing arrives any more."""
        self._networks.cut()
        go.touch()

    def without_replies(self, go: Path) -> None:
        """The server has begun to take a job in, and nothing of what it says arrives any more."""
        commands = AdminCommands.from_now(self._federation)
        go.touch()
        while "submit_job" not in commands.names():
            time.sleep(0.002)
        self._networks.lose_replies()

    def _cut(self, cut: Callable[[], None], runs: dict[str, WaitingRun]) -> dict[str, Any]:
        cut()
        ends = time.monotonic() + self._seconds
        seen: dict[str, set[Any]] = {name: set() for name in runs}
        while time.monotonic() < ends:
            for name, run in runs.items():
                seen[name] |= {(task["state"], task["try_number"]) for task in run.instances()}
            time.sleep(2)
        self._networks.heal()
        return {name: sorted(states) for name, states in seen.items()}

    def _outcome(self, run: WaitingRun, jobs: HeldJobs, seen: Any) -> dict[str, Any]:
        state = run.wait_for_end(END_SECONDS)
        with FederationSession(read_settings(session_fields(self._federation), "test")) as session:
            values = completed_values(self._federation, session, jobs.values)
        return {
            "seen": seen,
            "state": state,
            "tries": [task["try_number"] for task in run.instances()],
            "answers": [values.get(job_id) for job_id in run.xcoms()],
            "completed": sorted(values.values()),
            "wanted": [jobs.value(index) for index in range(run.count)],
            "log": run.logs_of_failed(),
        }


def main(settings: dict[str, Any]) -> None:
    """Run all cases.

    :param settings: see above.
    """
    folder = Path(settings["folder"])
    networks = Networks(settings["networks"])
    dags = folder / "dags"
    dags.mkdir()
    with ExitStack() as running:
        prefix = networks.federation.command_prefix
        federation = running.enter_context(make_outage_federation(folder, host=HOST, command_prefix=prefix))
        airflow = running.enter_context(make_airflow(folder, dags))
        connect(airflow, federation)
        cuts = NetworkCuts(networks, federation, airflow, folder, settings["seconds"])
        outcomes = cuts.while_waiting()
        if LONG:
            outcomes |= cuts.while_submitting("submit", cuts.into_silence)
            outcomes |= cuts.while_submitting("submit without a reply", cuts.without_replies)
    (folder / "outcomes.json").write_text(json.dumps(outcomes, indent=2))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
