"""Runs the demonstration: ``make demo``, or ``make demo CHECK=1`` to check its results and end."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from demo.airflow_api import AirflowError
from demo.airflow_process import AirflowProcess
from demo.demonstration import demonstration, expected_results
from demo.flare_poc import FlarePocError

DAG = "weather_comparison_on_trigger"
START, END = "2010-01-01", "2010-01-31"
RUN_SECONDS = 300


class Progress:
    """Tells each step with the seconds since the beginning."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"[{time.monotonic() - self._started:4.0f} s] {line}", flush=True)


def run_dag(airflow: AirflowProcess, tell: Progress) -> tuple[str, dict[str, Any]]:
    """Run the DAG as the Trigger button does; gives the run's id and what the results task handed on."""
    tell(f"Triggering the DAG {DAG} for {START} to {END}")
    run = airflow.trigger(DAG, conf={"start": START, "end": END})
    state = airflow.wait_for_run(DAG, run, RUN_SECONDS)
    if state != "success":
        for task in airflow.task_instances(DAG, run):
            if task["state"] == "failed":
                print(airflow.task_log(DAG, run, task["task_id"], task["try_number"]), file=sys.stderr)
        raise AirflowError(f"The DAG run ended as {state}")
    tell("The run has succeeded")
    return run, airflow.xcom(DAG, run, "read", "return_value")


def wrong_results(results: list[dict[str, Any]]) -> list[str]:
    """Compare the federation's answers with the data files; gives what differs."""
    values = {result["place"]: result["value"] for result in results}
    expected = expected_results(START, END)
    faults = []
    for place in ("first", "second"):
        site = values[place]["site"]
        for name, wanted in expected[site].items():
            if values[place][name] != wanted:
                faults.append(f"{site}: {name} is {values[place][name]}, in the data files {wanted}")
    difference = round(expected["seattle"]["mean"] - expected["san_francisco"]["mean"], 2)
    if values["comparison"]["difference_of_means"] != difference:
        faults.append(f"comparison: {values['comparison']}, by the data files {difference}")
    return faults


def show(airflow: AirflowProcess, run: str, read: dict[str, Any]) -> None:
    """Print the results, and where to look at them."""
    print(f"\n{airflow.xcom(DAG, run, 'report', 'return_value')}\n")
    print(f"Airflow          {airflow.url}/dags/{DAG}/runs/{run}")
    print(f"log in as        {airflow.user}, password {airflow.password}")
    print(f"results          {read['uri']}")
    print(f"job              {read['job_id']}\n", flush=True)


def main() -> int:
    """Run the demonstration; 0 when its results are right."""
    options = argparse.ArgumentParser(prog="make demo", description=__doc__)
    options.add_argument("--check", action="store_true", help="end once the results are checked")
    check = options.parse_args().check
    # Both end it in order, also where the shell told its jobs to ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    tell = Progress()
    with tempfile.TemporaryDirectory(prefix="dfm-demo-", ignore_cleanup_errors=True) as folder:
        try:
            with demonstration(Path(folder), tell) as (_, airflow):
                run, read = run_dag(airflow, tell)
                show(airflow, run, read)
                faults = wrong_results(read["results"])
                print("\n".join(faults) or "The results equal what the data files give.", flush=True)
                if not check:
                    print("Everything stays up until Ctrl-C.", flush=True)
                    signal.pause()
                return 1 if faults else 0
        except (AirflowError, FlarePocError, TimeoutError) as error:
            print(f"The demonstration failed: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            tell("Ended everything")
            return 0


if __name__ == "__main__":
    sys.exit(main())
