"""Runs the demonstration: ``make demo``, or ``make demo CHECK=1`` to check its results and end."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from demo import hospitals_example, weather_example
from demo.airflow_api import AirflowError
from demo.demonstration import demonstration
from demo.flare_poc import FlarePocError


class Progress:
    """Tells each step with the seconds since the beginning."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"[{time.monotonic() - self._started:4.0f} s] {line}", flush=True)


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
            with demonstration(Path(folder), tell) as airflow:
                faults = weather_example.run(airflow, tell)
                if check:
                    faults += hospitals_example.run(airflow, tell)
                print("\n".join(faults) or "The results are right.", flush=True)
                if not check:
                    print(f"\nnext             {airflow.url}/dags/{hospitals_example.TRAINING}: press Trigger")
                    print(f"log in as        {airflow.user}, password {airflow.password}")
                    print("\nEverything stays up until Ctrl-C.", flush=True)
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
