"""What a server that does not play fair can send as a job's files, with nvflare's own client of both versions.

The server is a stand-in: nvflare's own has no way to send such names.
"""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from demo.demonstration import FEDERATION_PYTHON, ROOT

# Downloads one file of a job as the client does when the server has named it; prints where it would be written.
RECEIVE = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
guarded, folder, name = json.loads(sys.argv[2])
os.chdir(folder)
from nvflare.fuel.hci.client import file_transfer
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.file_names import refuse_paths
if guarded:
    refuse_paths()
    refuse_paths()
module = file_transfer.FileTransferModule(folder, folder)
pull = next(spec.handler_func for spec in module.get_spec().cmd_specs if spec.name.startswith("pull_binary"))
class Server:
    usage = ""
    def get_command_entry(self): return self
    def get_api(self): return self
    def get_command(self): return ""
    def fire_session_event(self, *_): pass
    def set_bytes_receiver(self, receiver): self.path = receiver.file_name
    def set_requester(self, receiver): self.path = receiver.file_name
    def server_execute(self, *_, **__):
        print(os.path.realpath(self.path))
        return {"status": "stopped here"}
names = ["source", "transaction", "reference"] if hasattr(file_transfer, "_FileReceiver") else ["transaction"]
try:
    pull(["pull", *names, "job", name], Server())
except NamedError as error:
    print(error.error_name)
"""

UNZIP = """
import sys
from nvflare.fuel.utils.zip_utils import unzip_all_from_file
unzip_all_from_file(sys.argv[1], sys.argv[2])
"""

both_clients = pytest.mark.parametrize("python", [sys.executable, str(FEDERATION_PYTHON)], ids=["2.9", "2.6"])


def _receive(python, folder, name, guarded=True):
    folder.mkdir(exist_ok=True)
    command = [python, "-c", RECEIVE, str(ROOT), json.dumps([guarded, str(folder), name])]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@both_clients
def test_a_servers_plain_name_is_taken_and_a_path_is_not(python, tmp_path):
    folder = tmp_path / "download"
    outside = str(tmp_path / "outside")
    # What it is there for:
    assert _receive(python, folder, "../../outside", guarded=False) == outside
    assert _receive(python, folder, outside, guarded=False) == outside
    assert Path(_receive(python, folder, "workspace.zip")).parent.parent == folder
    for name in ("../../outside", outside, "a/b", "..", ""):
        assert _receive(python, folder, name) == "UnsafeResult"


@both_clients
def test_what_is_in_a_servers_zip_stays_in_the_folder(python, tmp_path):
    with zipfile.ZipFile(tmp_path / "workspace.zip", "w") as archive:
        archive.writestr("../../outside", "x")
        archive.writestr(str(tmp_path / "outside"), "x")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(tmp_path))
    target = tmp_path / "a" / "b"
    target.mkdir(parents=True)
    # The later version refuses such a zip.
    subprocess.run([python, "-c", UNZIP, str(tmp_path / "workspace.zip"), str(target)], capture_output=True)
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "a" / "outside").exists()
    assert [path for path in target.iterdir() if path.is_symlink()] == []
