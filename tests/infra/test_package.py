"""What is in the zip, and that it is the same zip each time."""

from __future__ import annotations

import importlib.util
import json
import stat
import zipfile

import pytest

from core import rulebook
from tests.infra import terraform


@pytest.fixture(scope="module")
def package():
    """infra/package.py as a module: it is a script, not part of a package."""
    spec = importlib.util.spec_from_file_location("package", terraform.ROOT / "infra/package.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(package, tmp_path_factory):
    return package.build("aws", "x86_64", tmp_path_factory.mktemp("zip") / "aws.zip")


@pytest.fixture(scope="module")
def azure(package, tmp_path_factory):
    return package.build("azure", "x86_64", tmp_path_factory.mktemp("zip") / "azure.zip")


@pytest.fixture(scope="module")
def names(built):
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_two_builds_give_the_same_bytes(package, built, tmp_path):
    assert package.build("aws", "x86_64", tmp_path / "again.zip").read_bytes() == built.read_bytes()


def test_what_the_runtime_brings_is_not_inside(names):
    assert top_level(names) & {"boto3", "botocore", "s3transfer", "dateutil"} == set()


def test_what_only_builds_rules_is_not_inside(names):
    assert top_level(names) & {"sigma", "yaml", "click", "rich", "jinja2"} == set()
    assert [name for name in names if name.startswith(("core/rules/", "core/sigma"))] == []


def test_only_one_platforms_functions_are_inside(names):
    folders = {name.split("/")[1] for name in names if name.startswith("functions/")}
    assert folders == {"__init__.py", "aws"}


def test_dependencies_of_powertools_are_inside(names):
    wanted = {"aws_lambda_powertools", "aws_xray_sdk", "jmespath", "typing_extensions.py", "wrapt"}
    assert wanted - top_level(names) == set()


def test_the_rulebook_is_inside_and_names_no_path_of_the_builder(built):
    with zipfile.ZipFile(built) as archive:
        data = archive.read("rulebook.json")
    assert rulebook.load(data) is not None
    assert str(terraform.ROOT).encode() not in data


def test_entries_are_sorted_dated_1980_and_plain_files(built):
    with zipfile.ZipFile(built) as archive:
        entries = archive.infolist()
    assert [each.filename for each in entries] == sorted(each.filename for each in entries)
    assert {each.date_time for each in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {each.external_attr >> 16 for each in entries} == {stat.S_IFREG | 0o644}


def test_nothing_of_the_builders_machine_is_inside(names):
    noise = ("__pycache__", ".pyc", "RECORD", "INSTALLER", "direct_url.json", "REQUESTED")
    assert [name for name in names if name.endswith(noise) or "__pycache__" in name] == []
    assert "bin" not in top_level(names)


def test_the_zip_for_arm_holds_arm_libraries(package, tmp_path):
    with zipfile.ZipFile(package.build("aws", "arm64", tmp_path / "arm.zip")) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
    assert libraries
    assert [name for name in libraries if "x86_64" in name] == []


def test_two_builds_for_azure_give_the_same_bytes(package, azure, tmp_path):
    again = package.build("azure", "x86_64", tmp_path / "again.zip")
    assert again.read_bytes() == azure.read_bytes()


def test_the_host_of_azure_finds_app_and_libraries_where_it_looks(azure):
    with zipfile.ZipFile(azure) as archive:
        names = archive.namelist()
        host = json.loads(archive.read("host.json"))
    assert top_level(names) == {
        *(".python_packages", "core", "functions"),
        *("function_app.py", "host.json", "rulebook.json"),
    }
    libraries = {name.split("/")[3] for name in names if name.startswith(".python_packages/")}
    assert {"azure", "msal", "msgspec", "re2", "urllib3"} <= libraries
    assert libraries & {"bin", "boto3", "pytest", "click", "sigma"} == set()
    assert host["extensions"]["queues"]["messageEncoding"] == "base64"
    folders = {name.split("/")[1] for name in names if name.startswith("functions/")}
    assert folders == {"__init__.py", "azure"}


def test_a_function_of_azure_ends_before_its_lease_and_a_message_waits_until_behind_it(azure):
    from core.claim import LEASE_MS

    with zipfile.ZipFile(azure) as archive:
        host = json.loads(archive.read("host.json"))
    assert seconds(host["functionTimeout"]) * 1000 < LEASE_MS
    assert seconds(host["extensions"]["queues"]["visibilityTimeout"]) * 1000 > LEASE_MS


def seconds(clock):
    hours, minutes, rest = map(int, clock.split(":"))
    return 3600 * hours + 60 * minutes + rest


def test_a_processor_that_a_platform_does_not_have_is_named(package, tmp_path):
    with pytest.raises(package.BuildError, match="arm64"):
        package.build("azure", "arm64", tmp_path / "azure.zip")


def test_a_platforms_own_distribution_stops_the_build(package, tmp_path):
    (tmp_path / "boto3-1.0.dist-info").mkdir()
    with pytest.raises(package.BuildError, match=r"boto3-1\.0"):
        package.refuse_strays(package.PLATFORMS["aws"], tmp_path)


def test_a_lock_names_every_file_by_hash_and_no_host():
    for lock in ("aws.txt", "azure.txt", "azure-worker.txt", "ric.txt"):
        text = (terraform.ROOT / "requirements" / lock).read_text()
        pinned = [line for line in text.splitlines() if "==" in line]
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text


def top_level(names):
    return {name.split("/")[0] for name in names}
