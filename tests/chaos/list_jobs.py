"""Prints the federation's own list of jobs as JSON; runs in the federation's interpreter: USER STARTUP_KIT."""

from __future__ import annotations

import json
import sys

from nvflare.fuel.flare_api.flare_api import new_secure_session


def main() -> None:
    session = new_secure_session(sys.argv[1], sys.argv[2], timeout=60.0)
    try:
        print("\n" + json.dumps(session.list_jobs(detailed=True)))
    finally:
        session.close()


if __name__ == "__main__":
    main()
