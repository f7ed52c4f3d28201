"""Aborts jobs; runs in the federation's interpreter: USER STARTUP_KIT JOB_ID …"""

from __future__ import annotations

import sys

from nvflare.fuel.flare_api.flare_api import new_secure_session


def main() -> None:
    session = new_secure_session(sys.argv[1], sys.argv[2], timeout=60.0)
    try:
        for job_id in sys.argv[3:]:
            session.abort_job(job_id)
    finally:
        session.close()


if __name__ == "__main__":
    main()
