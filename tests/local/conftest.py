"""The command line as a test calls it, and small logs and rules to call it on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from functions.local.handler import main
from tests.local.samples import RULE


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def vigil(capsys, monkeypatch, tmp_path):
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIGIL_HOME", raising=False)

    def run(*args: object) -> Ran:
        capsys.readouterr()  # what the test itself made others write
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def rule(tmp_path) -> Path:
    path = tmp_path / "rules" / "logging_stopped.yml"
    path.parent.mkdir()
    path.write_text(RULE)
    return path


@pytest.fixture
def logs(tmp_path):
    """A folder of logs, and a way to put a CloudTrail file into it."""
    folder = tmp_path / "logs"
    folder.mkdir()

    def put(name: str, *records: object) -> Path:
        (folder / name).write_text(json.dumps({"Records": list(records)}))
        return folder

    return put
