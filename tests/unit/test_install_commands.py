"""The install commands of the documents: each names what pins it, so that pip has nothing to look for."""

from __future__ import annotations

import re
import shlex

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from demo.demonstration import ROOT
from demo.environments import SUPPORTED

try:
    import tomllib
except ImportError:
    import tomli as tomllib

DOCUMENTS = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("demo/*/README.md")]
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INSTALL = re.compile(r"^\$ (?:\S*/)?pip install (.*)$", re.MULTILINE)
# `pip freeze | grep == > installed.txt`
WRITTEN = re.compile(r"^\$ .*> (\S+)$", re.MULTILINE)
COMMANDS = [
    pytest.param(document, shlex.split(command[1]), id=f"{document.relative_to(ROOT)}: {command[1]}")
    for document in DOCUMENTS
    for command in INSTALL.finditer(document.read_text())
]


def _pins(file):
    lines = (ROOT / file).read_text().splitlines()
    return {canonicalize_name(line.partition("==")[0]) for line in lines if not line.startswith("#")}


def _wanted(requirement):
    """The names that a requirement of a command asks for directly."""
    if not requirement.startswith("."):
        return {Requirement(requirement).name}
    extras = re.findall(r"\w+", requirement)
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {Requirement(line).name for line in wanted}


def test_there_are_such_commands():
    assert len(COMMANDS) >= 3
    assert all(re.search(r"\bpip install\b", document.values[0].read_text()) for document in COMMANDS)


@pytest.mark.parametrize(("document", "words"), COMMANDS)
def test_a_command_pins_all_that_it_asks_for(document, words):
    assert words[0] == "--constraint"
    file, requirements = words[1], words[2:]
    if file in WRITTEN.findall(document.read_text()):
        # What is in it nobody knows; the extras themselves have to lead pip then.
        return
    name, python = re.fullmatch(r"constraints/(.+)-(3\.\d+)\.txt", file).groups()
    assert python in SUPPORTED
    wanted = {canonicalize_name(package) for requirement in requirements for package in _wanted(requirement)}
    for version in SUPPORTED:
        assert wanted <= _pins(f"constraints/{name}-{version}.txt")


def test_the_extra_for_s3_says_which_boto3_it_needs():
    """Without pins, pip looks for an aiobotocore for the newest boto3 in all old versions of everything."""
    s3 = {Requirement(line).name: Requirement(line) for line in PROJECT["optional-dependencies"]["s3"]}
    assert s3["aiobotocore"].extras == {"boto3"}
    assert s3["aiobotocore"].specifier


def test_images_are_built_with_pins():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"pip install(.*?)(?:&&|\n)", text)
    assert len(installs) == 5
    assert all("--constraint" in options or "--no-deps" in options for options in installs)


def test_the_pins_that_the_cluster_can_be_told_of_are_there():
    names = re.findall(r"^\s*FEDERATION_CONSTRAINTS=(\S+)$", (ROOT / "docs" / "compose.md").read_text(), re.MULTILINE)
    names += re.findall(r"^ARG FEDERATION_CONSTRAINTS=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert names
    assert all((ROOT / f"constraints/{name}-{version}.txt").is_file() for name in names for version in SUPPORTED)
