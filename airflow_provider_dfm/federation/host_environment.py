"""What a process in the federation's interpreter gets to see of this one's environment."""

from __future__ import annotations

import os

# Airflow's own settings hold secrets, and code of the federation's runs there.
HIDDEN = ("AIRFLOW", "_AIRFLOW")


def host_environment() -> dict[str, str]:
    """This process's environment variables without Airflow's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}


def hidden_variables() -> list[str]:
    """The names of the variables that are left out."""
    return [name for name in os.environ if name.startswith(HIDDEN)]
