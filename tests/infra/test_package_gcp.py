"""What is in Google Cloud's zip: source and a lock, from which its buildpack installs."""

from __future__ import annotations

import ast
import importlib.util
import stat
import zipfile

import pytest

from core import rulebook
from tests.infra import terraform


@pytest.fixture(scope="module")
def package():
    spec = importlib.util.spec_from_file_location("package", terraform.ROOT / "infra/package.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(package, tmp_path_factory):
    return package.build("gcp", "x86_64", tmp_path_factory.mktemp("zip") / "gcp.zip")


@pytest.fixture(scope="module")
def files(built):
    with zipfile.ZipFile(built) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_two_builds_give_the_same_bytes_for_every_processor(package, built, tmp_path):
    again = package.build("gcp", "arm64", tmp_path / "again.zip")
    assert again.read_bytes() == built.read_bytes()


def test_the_entry_points_are_at_the_root_where_the_buildpack_looks(files):
    tree = ast.parse(files["main.py"])
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert names == {"detect", "respond", "sweep", "approve"}
    assert "functions/gcp/main.py" not in files


def test_the_lock_goes_along_whole_so_that_pip_checks_every_hash(files):
    lock = (terraform.ROOT / "requirements/gcp.txt").read_text()
    assert files["requirements.txt"].decode() == lock
    pinned = [line for line in lock.splitlines() if "==" in line]
    assert lock.count("--hash=sha256:") >= len(pinned) > 0
    assert "://" not in lock
    wanted = {"functions-framework", "google-auth", "google-cloud-pubsub", "requests", "urllib3"}
    assert wanted <= {line.partition("==")[0] for line in pinned}


def test_no_distribution_is_inside_and_no_other_platform(files):
    assert {name.split("/")[0] for name in files} == {
        "core",
        "functions",
        "main.py",
        "requirements.txt",
        "rulebook.json",
    }
    folders = {name.split("/")[1] for name in files if name.startswith("functions/")}
    assert folders == {"__init__.py", "gcp"}


def test_what_only_builds_rules_is_not_inside(files):
    assert [name for name in files if name.startswith(("core/rules/", "core/sigma"))] == []


def test_the_rulebook_is_inside_and_names_no_path_of_the_builder(files):
    book = rulebook.load(files["rulebook.json"])
    assert any(entry.source.startswith("gcp/") for entry in book.entries)
    assert str(terraform.ROOT).encode() not in files["rulebook.json"]


def test_entries_are_sorted_dated_1980_and_plain_files(built):
    with zipfile.ZipFile(built) as archive:
        entries = archive.infolist()
    assert [each.filename for each in entries] == sorted(each.filename for each in entries)
    assert {each.date_time for each in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {each.external_attr >> 16 for each in entries} == {stat.S_IFREG | 0o644}
