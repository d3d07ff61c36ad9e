"""`vigil demo`, as a user starts it: in a process of its own, with nothing but the extras."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("moto.server", reason="the demo needs the extra: pip install '.[demo]'")
pytest.importorskip("localstack_client", reason="the demo needs the extra")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The demo's output and home. A profile of a real account must not get in its way."""
    home = tmp_path_factory.mktemp("demo") / "home"
    environ = {
        **os.environ,
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL_IAM": "https://x.example.com",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "functions.local.handler", "demo", "--home", str(home)],
        capture_output=True, text=True, cwd=ROOT, env=environ, check=False, timeout=300,
    )  # fmt: skip
    return ran, home


def test_the_demo_succeeds_without_a_complaint(played):
    ran, _ = played
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    "sentence",
    [
        "AWS CloudTrail tamper",
        "0 new findings",
        "Set aside: EventBridge",
        "user/break-glass is",
        "the action is still held",
        "POST with the same link again answers 403",
        "1 finding that the stream had missed",
        "every signature good, 0 refused",
        "7 of 7 are, in every detail, as before the response",
        "respond: ",
    ],
)
def test_it_shows_every_promise_of_the_path(played, sentence):
    assert sentence in played[0].stdout


def test_its_terminal_obeys_no_event(played):
    assert not {"\x1b", "\x07", "\u202e"} & set(played[0].stdout)


def test_what_it_leaves_behind_can_be_looked_at(played, vigil):
    _, home = played
    assert vigil("audit", "verify", "--home", home).code == 0
    assert len(vigil("findings", "list", "--home", home, "--format", "json").lines) >= 8
    states = {line["state"] for line in
              vigil("actions", "list", "--home", home, "--format", "json").lines}  # fmt: skip
    assert {"undone", "refused", "changed"} <= states
    assert "exactly the former one" in (home / "report.html").read_text()


def test_it_does_not_touch_a_folder_that_no_demo_made(vigil, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "vigil.db").write_text("precious")
    ran = vigil("demo", "--home", "mine")
    assert ran.code == 2
    assert (tmp_path / "mine" / "vigil.db").read_text() == "precious"
