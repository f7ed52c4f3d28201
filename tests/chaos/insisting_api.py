"""Airflow's REST API, asked again where its server cannot answer for a while."""

from __future__ import annotations

import time
from typing import Any

from demo.airflow_api import AirflowError
from demo.airflow_process import AirflowProcess

SECONDS = 120.0
PAUSE = 1.0
CONFLICT = 409


class InsistingAirflow(AirflowProcess):
    """An Airflow on SQLite, where a request that waits for another's write can fail with a database error."""

    def api(self, method: str, path: str, json: Any = None) -> Any:
        """As :meth:`AirflowApi.api`, again and again while there is no answer or the server itself fails."""
        deadline = time.monotonic() + SECONDS
        again = False
        while True:
            try:
                return super().api(method, path, json)
            except AirflowError as error:
                if again and method == "POST" and error.status == CONFLICT:
                    # The request that failed had made it.
                    return json
                if 0 < error.status < 500 or time.monotonic() > deadline:
                    raise
            again = True
            time.sleep(PAUSE)
