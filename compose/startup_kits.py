"""Puts a startup kit into the store, where all workers and the triggerer find it.

``python startup_kits.py KIT NAME`` makes it ``s3://store@federation/kits/NAME.tar``, for a connection's
``startup_kit``. ``KIT`` is the kit's folder, or a zip or tar of it; ``-`` is such an archive on the standard input.
Runs in Airflow's environment, with the store's credentials.
"""

from __future__ import annotations

import io
import sys
import tarfile
import tempfile
from pathlib import Path

import store

from airflow_provider_dfm.federation.errors import StartupKitError
from airflow_provider_dfm.federation.startup_kit import copy_startup_kit


def upload(kit: Path, name: str) -> str:
    """Put a kit into the store; what is there under its name is replaced.

    :param kit: the kit's folder, which holds ``startup/`` and ``local/``, or a zip or tar of it
    :param name: the kit's name in the store
    :return: where it is, for a connection's ``startup_kit``
    :raises StartupKitError: there is no whole kit
    """
    archive = io.BytesIO()
    # Only this user can enter the folder.
    with tempfile.TemporaryDirectory() as private, tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(copy_startup_kit(kit, Path(private)), arcname=".")
    store.client().put_object(Bucket=store.BUCKET, Key=f"kits/{name}.tar", Body=archive.getvalue())
    return f"s3://store@{store.BUCKET}/kits/{name}.tar"


def main() -> int:
    """Put the kit that the command line names into the store; 0 when it is there."""
    source, name = sys.argv[1:]
    with tempfile.TemporaryDirectory() as private:
        kit = Path(source)
        if source == "-":
            kit = Path(private) / "kit"
            kit.write_bytes(sys.stdin.buffer.read())
        try:
            print(upload(kit, name))
        except StartupKitError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
