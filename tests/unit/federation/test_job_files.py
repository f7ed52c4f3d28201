from __future__ import annotations

import os

import pytest

from airflow_provider_dfm.federation.errors import ResultsIncomplete, UnsafeResult
from airflow_provider_dfm.federation.job_files import list_files, wanted_files

FILES = [
    "job/trial/app/config/config_fed_server.json",
    "job/trial/meta.json",
    "meta.json",
    "workspace/app_server/model.npy",
    "workspace/app_server/round/1/model.npy",
    "workspace/app_server/weights[1].npy",
    "workspace/log.txt",
]


@pytest.mark.parametrize(
    ("patterns", "named"),
    [
        (None, FILES),
        ("meta.json", ["meta.json"]),
        (["workspace/app_server/*.npy"], [FILES[3], FILES[5]]),
        (["workspace/**"], FILES[3:]),
        (["workspace/**/*.npy"], FILES[3:6]),
        (["**/model.npy"], FILES[3:5]),
        (["**/meta.json"], [FILES[1], FILES[2]]),
        (["**"], FILES),
        (["**/**/log.txt"], FILES[6:]),
        (["*/log.?xt", "./meta.json"], ["meta.json", FILES[6]]),
        (["workspace/app_server/weights[[]1].npy", "workspace/app_server/w*"], [FILES[5]]),
        (("job/[st]rial/meta.json",), [FILES[1]]),
    ],
)
def test_the_files_that_patterns_name(patterns, named):
    assert wanted_files(FILES, patterns) == named


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*.npy",
        "workspace",
        "workspace/",
        "WORKSPACE/**",
        "workspace/*/model",
        "/meta.json",
        "../**",
        "model.npy/**/x",
    ],
)
def test_a_pattern_that_names_nothing_is_an_error_beside_those_that_do(pattern):
    with pytest.raises(ResultsIncomplete, match="No file of the job matches"):
        wanted_files(FILES, ["meta.json", pattern])


def test_the_error_says_what_is_there_and_not_all_of_much():
    many = [f"job/a{number}" for number in range(1000)] + ["workspace/model.pt", "workspace/log.txt"]
    with pytest.raises(ResultsIncomplete) as caught:
        wanted_files(many, "workspace/*.npy")
    message = str(caught.value)
    assert "There are: workspace/model.pt, workspace/log.txt, job/a0, job/a1," in message
    assert message.endswith("and 982 more.")


def test_no_pattern_is_not_all():
    with pytest.raises(ResultsIncomplete, match="give None"):
        wanted_files(FILES, [])


def test_what_there_is_in_a_folder(tmp_path):
    for name in ("workspace/b", "workspace/a/.hidden", "meta.json", "job/ä b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "workspace" / "empty").mkdir()
    assert list_files(tmp_path) == ["job/ä b", "meta.json", "workspace/a/.hidden", "workspace/b"]


@pytest.mark.parametrize("kind", ["to a file", "to a folder", "to nothing", "within the folder", "pipe"])
def test_a_link_is_not_followed(tmp_path, kind):
    folder = tmp_path / "download"
    (folder / "workspace").mkdir(parents=True)
    (folder / "workspace" / "log.txt").touch()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").touch()
    link = folder / "workspace" / "link"
    if kind == "pipe":
        os.mkfifo(link)
    else:
        targets = {"to a file": "../../secret/key", "to a folder": str(tmp_path / "secret"), "to nothing": "nowhere"}
        link.symlink_to(targets.get(kind, "log.txt"))
    with pytest.raises(UnsafeResult, match="workspace/link of the downloaded job is a link or no file"):
        list_files(folder)
