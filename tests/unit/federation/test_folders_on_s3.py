"""Jobs and kits in an object store as consoles and tools put them there: a real S3 server, Airflow's own way to it."""

from __future__ import annotations

import uuid

import pytest
from airflow.sdk import ObjectStoragePath

from tests.unit.federation.test_archives_as_they_come import make_zip
from tests.unit.federation.test_folders_as_they_come import JOB, Jobs, Kits, read, write

pytestmark = pytest.mark.store


@pytest.fixture(autouse=True)
def connection(object_store, monkeypatch):
    for name, value in object_store.connection().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=[Jobs, Kits], ids=["job", "kit"])
def kind(request):
    return request.param


@pytest.fixture
def put(object_store):
    """Puts keys below one of their own; gives its path."""

    def keep(files, name="source"):
        prefix = f"folders/{uuid.uuid4()}"
        for key, content in files.items():
            object_store.put(f"{prefix}/{key}", content.encode() if isinstance(content, str) else content)
        return ObjectStoragePath(object_store.uri(f"{prefix}/{name}"))

    return keep


def below(files):
    return {f"source/{name}": content for name, content in files.items()}


def folders_of(files):
    return {name[: at + 1] for name in files for at, letter in enumerate(name) if letter == "/"}


# What the console of S3 makes of a folder, and what Hadoop and others do.
MARKERS = {
    "nothing": lambda files: {},
    "a slash at the end": lambda files: dict.fromkeys(("", *folders_of(files)), ""),
    "the folder's own name": lambda files: {name[:-1]: "" for name in folders_of(files)},
    "a name of Hadoop's": lambda files: {f"{name[:-1]}_$folder$": "" for name in folders_of(files)},
}


@pytest.mark.parametrize("markers", MARKERS)
def test_what_marks_a_folder_is_no_file(kind, put, tmp_path, markers):
    source = put(below(kind.files) | below(MARKERS[markers](kind.files)))
    assert read(kind.copy(source, tmp_path / "copy")) == kind.files


@pytest.mark.parametrize("name", ["source", "source/"])
def test_a_mark_of_its_own_name_beside_it_is_no_archive(kind, put, tmp_path, name):
    source = put(below(kind.files) | {"source": ""}, name)
    assert read(kind.copy(source, tmp_path / "copy")) == kind.files


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_job_in_a_folder_that_is_marked_so(put, tmp_path, slash):
    source = put(
        {f"jobs{slash}": "", f"jobs/fedavg{slash}": "", **{f"jobs/fedavg/{name}": text for name, text in JOB.items()}},
        "jobs",
    )
    assert read(Jobs.copy(source, tmp_path / "copy")) == JOB


def test_what_has_changed_there_since_is_seen(kind, object_store, tmp_path):
    path = f"folders/{uuid.uuid4()}/source"
    changed = [*kind.files][-1]
    for number, more in enumerate(({}, {f"{kind.inside}/new.py": "value = 2"}, {changed: "another length"})):
        files = kind.files | more
        for name, text in files.items():
            object_store.put(f"{path}/{name}", text.encode())
        copied = read(kind.copy(ObjectStoragePath(object_store.uri(path)), tmp_path / str(number)))
        assert copied.items() >= files.items()


def test_the_same_job_as_in_a_folder(put, tmp_path):
    plain = Jobs.content(write(tmp_path / "plain", JOB), tmp_path / "a")
    left = {"app/custom/__pycache__/code.pyc": "1", "app/custom/code.pyc": "2", ".DS_Store": "3", "app/": ""}
    assert Jobs.content(put(below(JOB | left)), tmp_path / "b") == plain
    archive = make_zip(tmp_path / "a.zip", JOB).read_bytes()
    assert Jobs.content(put({"source.zip": archive}, "source.zip"), tmp_path / "c") == plain


def test_an_empty_folder_stays_one(put, tmp_path):
    copied = Jobs.copy(put(below(JOB | {"app/resources/": ""})), tmp_path / "copy")
    assert (copied / "app" / "resources").is_dir()


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("{inside}//odd.py", "/odd.py' has an empty name in its path"),
        ("{inside}/../odd.py", r"\.\./odd.py' has \.\. in its path"),
        ("{inside}/./odd.py", r"\./odd.py' has \. in its path"),
        ("{inside}/back\\odd.py", "has a backslash in its name"),
        ("{inside}/odd.py/", "odd.py/' has an empty name in its path"),
    ],
)
def test_a_key_that_is_no_path_is_refused_by_name(kind, put, tmp_path, key, fault):
    source = put(below(kind.files | {key.format(inside=kind.inside): "value = 1"}))
    with pytest.raises(kind.error, match=fault.format(inside=kind.inside)):
        kind.copy(source, tmp_path / "copy")
    assert not list(tmp_path.rglob("odd.py"))


def test_a_jobs_key_with_two_slashes_at_its_top_is_refused_by_name(put, tmp_path):
    with pytest.raises(Jobs.error, match=r"'/app/odd\.py' has an empty name in its path"):
        Jobs.copy(put(below(JOB | {"/app/odd.py": "value = 1"})), tmp_path / "copy")


def test_a_file_and_a_folder_of_one_name_is_refused(kind, put, tmp_path):
    odd = {f"{kind.inside}/both": "value = 1", f"{kind.inside}/both/odd.py": "value = 2"}
    with pytest.raises(kind.error, match="both is a file and a folder"):
        kind.copy(put(below(kind.files | odd)), tmp_path / "copy")


def test_the_jobs_folder_has_the_name_of_its_key(put, tmp_path):
    named = {f"my job (2)/{name}": content for name, content in JOB.items()}
    assert Jobs.copy(put(named, "my job (2)"), tmp_path / "a").name == "my_job_2_"
    assert Jobs.copy(put(named, "my job (2)/"), tmp_path / "b").name == "my_job_2_"
    # As a script's --export makes it.
    assert Jobs.copy(put(named, ""), tmp_path / "c").name == "my_job_2_"
