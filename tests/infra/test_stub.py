"""The stub provider's parts that no module's test would miss: the notation, and who makes what."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.infra.stub.mirror import HERE, environment
from tests.infra.stub.schema import Argument, Block, fields


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("name", "string!", Argument("string", True, True, False, False)),
        ("size", "number", Argument("number", False, True, False, False)),
        ("email", "string=", Argument("string", False, False, True, False)),
        ("zones", "set(string)", Argument(["set", "string"], False, True, False, False)),
        ("id", "string", Argument("string", False, True, True, False)),
        ("id", "string!", Argument("string", True, True, False, False)),
        ("value_wo", "string", Argument("string", False, True, False, True)),
        ("filter[]", {}, Block("list", False, False, {})),
        ("filter[1]!", {}, Block("list", True, True, {})),
        ("filter{}", {}, Block("set", False, False, {})),
    ],
)
def test_the_notation_says(key, value, found):
    assert list(fields({key: value}).values()) == [found]


@pytest.mark.parametrize(("key", "value"), [("name", "strin"), ("name", "string!="), ("a[2]", {})])
def test_what_is_not_in_the_notation_is_no_table(key, value):
    with pytest.raises(AssertionError):
        fields({key: value})


@pytest.mark.parametrize("provider", ["azurerm", "google"])
def test_nothing_in_a_providers_own_blocks_is_needed(provider):
    """The classes that a table is derived from don't tell; needed would refuse a right module."""
    table = json.loads((HERE / f"{provider}.json").read_text())
    blocks = [each for each in fields(table["provider"]).values() if isinstance(each, Block)]
    assert not [one for each in blocks for one in _all(each) if one.needed]


def test_workers_that_start_together_make_the_environment_once(tmp_path, monkeypatch):
    """With a lock that pins nothing, so that no index is asked; pip's log has a line a run."""
    monkeypatch.setenv("CI", "true")  # a skip in a worker would be this test's skip
    monkeypatch.setenv("PIP_LOG", str(tmp_path / "pip.log"))
    lock = tmp_path / "lock.txt"
    lock.write_text("# nothing\n")
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as workers:
        places = list(workers.map(environment, [lock] * 3, [tmp_path / "build"] * 3))
    (place,) = set(places)
    assert (place / "bin" / "python").exists()
    assert (tmp_path / "pip.log").read_text().count(" Using pip ") == 1


@pytest.mark.parametrize("ci", ["", "true"])
def test_an_environment_that_can_not_be_made_is_a_skip_but_a_failure_on_ci(
    tmp_path, monkeypatch, ci
):
    monkeypatch.setenv("CI", ci)
    lock = tmp_path / "lock.txt"
    lock.write_text("no-hash==1\n")
    outcome = pytest.fail.Exception if ci else pytest.skip.Exception
    with pytest.raises(outcome, match=r"the stub provider is not installed; get it by pip from"):
        environment(lock, tmp_path / "build")
    assert not list(tmp_path.glob("build/*/ready"))


def _all(block):
    yield block
    for each in block.fields.values():
        if isinstance(each, Block):
            yield from _all(each)
        else:
            yield each
