"""The page of constructs leaves none out, and every link of it leads to a test."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from sigma.correlations import SigmaCorrelationType

from core.correlate.form import METRICS
from core.errors import BadConfig
from core.sigma.modifiers import MODIFIERS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch):
    """A script of docs as a module: they are no package."""
    monkeypatch.syspath_prepend(str(DOCS))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def names(constructs) -> set[str]:
    return {one.name for one in constructs}


def test_every_modifier_of_pysigma_and_of_the_specification_is_on_the_page(script):
    listed = names(script("constructs").MODIFIERS)
    assert {*MODIFIERS} <= listed


def test_every_type_of_correlation_is_on_the_page(script):
    listed = names(script("constructs").CORRELATIONS)
    assert {one.name.lower() for one in SigmaCorrelationType} <= listed
    assert {*METRICS, "first_seen", "absence"} <= listed


def test_a_construct_without_its_test_is_a_fault(script, monkeypatch):
    constructs = script("constructs")
    lost = constructs.Construct("lost", "Nowhere.", "test_sigma_semantics.py::no such row")
    monkeypatch.setitem(constructs.SECTIONS, "Lost", (lost,))
    with pytest.raises(BadConfig, match="no such row"):
        script("generate").sigma_page()
