"""Makes what the cluster needs and nobody may know beforehand; runs once before everything else.

Passwords and keys, the startup kits of the demo federation, and each site's data. Each container has a volume of its
own and finds there what is its own, and nothing else. What was made is kept in the volume ``state``, which no other
container mounts: another run finds it there and changes nothing.

Runs in the federation's environment. No value is ever printed.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

import extract_data
import flare_poc_setup

SETUP = Path("/setup")
STATE = SETUP / "state"
ADMIN = "analyst@weather.example"
# A site's name in the federation, and the container that it is.
SITES = {"seattle": "seattle", "san_francisco": "san-francisco"}
NAMES = ("database", "broker", "store", "jwt", "api", "admin")


def make_secrets() -> dict[str, str]:
    """The cluster's secrets: those made before, or new ones."""
    file = STATE / "secrets.json"
    if not file.exists():
        made = {name: secrets.token_urlsafe(64) for name in NAMES}
        made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        _write(file, json.dumps(made))
    known: dict[str, str] = json.loads(file.read_text())
    return known


def secret_files(known: dict[str, str]) -> dict[str, dict[str, str]]:
    """Which container gets which files: its volume's name to a file's name to its content.

    :param known: the cluster's secrets by name
    """
    database = {"sql_alchemy_conn": f"postgresql+psycopg2://airflow:{known['database']}@database/airflow"}
    fernet = {"fernet_key": known["fernet"]}
    redis = f"redis://:{known['broker']}@broker:6379"
    broker = {"broker_url": f"{redis}/0", "result_backend": f"{redis}/1"}
    logs = {"api_secret_key": known["api"]}
    store = {
        "aws_credentials": f"[default]\naws_access_key_id = airflow\naws_secret_access_key = {known['store']}\n",
    }
    jwt = {"jwt_secret": known["jwt"]}
    users = {"passwords.json": json.dumps({"admin": known["admin"]})}
    return {
        "database": {"password": known["database"]},
        "broker": {"redis.conf": _redis_settings(known["broker"])},
        "store": {"s3.json": json.dumps(_store_identities(known["store"]))},
        "airflow-init": database | fernet | store,
        "api-server": database | fernet | jwt | logs | store | users,
        "scheduler": database | fernet | jwt | broker,
        "dag-processor": database | fernet,
        "triggerer": database | fernet | logs | store,
        "worker": broker | logs | store,
    }


def _redis_settings(password: str) -> str:
    return f"bind * -::*\nrequirepass {password}\ndir /data\nappendonly yes\n"


def _store_identities(secret_key: str) -> dict[str, Any]:
    # https://github.com/seaweedfs/seaweedfs/blob/4.44/docker/compose/s3.json
    credentials = [{"accessKey": "airflow", "secretKey": secret_key}]
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    return {"identities": [{"name": "airflow", "credentials": credentials, "actions": actions}]}


def make_kits() -> Path:
    """The folder that holds the startup kit of every participant: made before, or now."""
    workspace, done = STATE / "workspace", STATE / "kits-made"
    if not done.exists():
        # What is there is what an interrupted run left.
        shutil.rmtree(workspace, ignore_errors=True)
        flare_poc_setup.provision(
            {
                "project": "weather",
                "workspace": str(workspace),
                "host": "flare-server",
                "clients": list(SITES),
                "admin": ADMIN,
                "fed_learn_port": 8002,
                "admin_port": 8003,
                # Ten minutes, a second apart: sites may start later than the server.
                "max_schedule_count": 600,
                "storage": "/flare/storage",
            }
        )
        done.touch()
    return workspace / "weather" / "prod_00"


def hand_out_kit(kit: Path, target: Path) -> None:
    """Copy a participant's kit to its volume, unless it is there.

    :param kit: the kit's root
    :param target: a folder; what a participant wrote there stays
    """
    if (target / "kit-is-whole").exists():
        return
    shutil.copytree(kit, target, dirs_exist_ok=True)
    (target / "transfer").mkdir(exist_ok=True)
    (target / "kit-is-whole").touch()


def hand_out_data() -> None:
    """Put each site's measurements into its volume, unless they are there."""
    made = STATE / "data"
    extract_data.extract(made)
    for site, container in SITES.items():
        target = SETUP / f"{container}-data" / site / "temperatures.csv"
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            partial = target.with_suffix(".part")
            shutil.copyfile(made / site / target.name, partial)
            partial.replace(target)
    shutil.rmtree(made)


def _write(file: Path, text: str) -> None:
    partial = file.with_name(f"{file.name}.part")
    partial.unlink(missing_ok=True)
    # The group is for containers whose image brings a user of its own: the compose file's group_add.
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as stream:
        stream.write(text)
    partial.replace(file)


def main() -> None:
    """Make what is missing."""
    os.umask(0o027)
    for container, files in secret_files(make_secrets()).items():
        for name, text in files.items():
            if not (SETUP / container / name).exists():
                _write(SETUP / container / name, text)
    kits = make_kits()
    hand_out_kit(kits / "server", SETUP / "flare-server")
    for site, container in SITES.items():
        hand_out_kit(kits / site, SETUP / container)
    hand_out_kit(kits / ADMIN, SETUP / "airflow-init" / "startup-kit")
    hand_out_data()
    print("Secrets, startup kits and data are in their volumes.", flush=True)


if __name__ == "__main__":
    main()
