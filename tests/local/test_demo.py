"""`vigil demo`, as a user starts it: in a process of its own, with nothing but the extras."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from functions.local.demo import _home

pytest.importorskip("moto.server", reason="the demo needs the extra: pip install '.[demo]'")
pytest.importorskip("localstack_client", reason="the demo needs the extra")
pytest.importorskip("azure.core", reason="the demo needs the extra")

ROOT = Path(__file__).parents[2]
CLOUDS = ("aws", "azure", "gcp")

# Whoever imports one of these in the process of the demo ends it.
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in {absent}:
            raise ImportError(f"{{name}} is not part of the extra demo", name=name)
sys.meta_path.insert(0, Absent())
from functions.local.handler import main
sys.argv = ["vigil", *sys.argv[1:]]
sys.exit(main())
"""
NOT_IN_THE_EXTRA = {
    "aws": (),
    "azure": ("azure.functions", "azure.identity", "azure.mgmt", "google.auth", "moto", "boto3"),
    "gcp": ("google.auth", "google.cloud", "functions_framework", "googleapiclient", "flask", "azure",
            "moto", "boto3"),
}  # fmt: skip
"""Cloud -> libraries that its demo must do without: SDKs of its own functions and of other clouds."""


@pytest.fixture(scope="module", params=CLOUDS)
def cloud(request):
    return request.param


@pytest.fixture(scope="module")
def played(cloud, tmp_path_factory):
    """The demo's output and home. Profiles of real accounts must not get in its way."""
    home = tmp_path_factory.mktemp(cloud) / "home"
    environ = {
        **os.environ,
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL_IAM": "https://x.example.com",
        "AZURE_TENANT_ID": "production",
        "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/production.json",
        "HTTPS_PROXY": "http://192.0.2.1:9",
    }
    program = WITHOUT.format(absent=NOT_IN_THE_EXTRA[cloud])
    ran = subprocess.run(
        [sys.executable, "-c", program, "demo", "--cloud", cloud, "--home", str(home)],
        capture_output=True, text=True, cwd=ROOT, env=environ, check=False, timeout=300,
    )  # fmt: skip
    return ran, home


def test_the_demo_succeeds_without_a_complaint(played):
    ran, _ = played
    assert (ran.returncode, ran.stderr) == (0, "")


SHOWN = {
    "aws": (
        "AWS CloudTrail tamper",
        "Set aside: EventBridge",
        "user/break-glass is",
        "1 finding that the stream had missed",
        "7 of 7 are, in every detail, as before the response",
    ),
    "azure": (
        "Entra device code sign in",
        "Entra privileged role assigned",
        "Azure NSG opened to world",
        "Azure diagnostic setting tamper",
        "Set aside: a record is an object, not a str",
        "000000000003 is",
        'would be  {"ended":true}',
        "2 records of the last step come when the answer to all others is given",
        "6 of 6 are, in every detail, as before the response",
    ),
    "gcp": (
        "GCP admin role granted",
        "GCP firewall opened to world",
        "GCP log sink disabled",
        "Set aside: data that is not base64",
        "serviceAccount:break-glass@example-project",
        'would be  {"publicAccessPrevention":"enforced"}',
        "The last record comes when the answer to all others is given",
        "7 of 7 are, in every detail, as before the response",
    ),
}  # fmt: skip


def test_it_shows_every_promise_of_the_path(played, cloud):
    common = (
        "0 new findings", "the action is still held", "POST with the same link again answers 403",
        "every signature good, 0 refused", "protected by", "respond: ", "shown, not obeyed",
    )  # fmt: skip
    said = re.sub(r"\s+", " ", played[0].stdout)
    missing = [each for each in (*common, *SHOWN[cloud]) if re.sub(r"\s+", " ", each) not in said]
    assert missing == []
    assert "BROKEN" not in said


def test_its_terminal_obeys_no_event(played):
    assert not {"\x1b", "\x07", "\u202e"} & set(played[0].stdout)


ENDS = {
    "aws": {"undone": 7, "refused": 3},
    "azure": {"undone": 5, "refused": 1, "rehearsed": 1},
    "gcp": {"undone": 5, "refused": 1, "rehearsed": 1},
}
"""Cloud -> state of an action -> on how many targets a verb ended so. Several rules may ask for the
same: one of them changes the target, and the others find nothing to do."""


def test_what_it_leaves_behind_can_be_looked_at(played, cloud, vigil):
    _, home = played
    assert vigil("audit", "verify", "--home", home).code == 0
    listed = vigil("findings", "list", "--home", home, "--format", "json").lines
    title = re.search(r"(\d+) findings, answered", played[0].stdout)
    assert len(listed) == int(title[1]) >= 6
    actions = vigil("actions", "list", "--home", home, "--format", "json").lines
    ended = {
        state: {(one["action"]["verb"], one["action"]["target"]["uid"])
                for one in actions if one["state"] == state}
        for state in ENDS[cloud]
    }  # fmt: skip
    assert {state: len(targets) for state, targets in ended.items()} == ENDS[cloud]
    assert ended["undone"].isdisjoint(ended["refused"])
    assert {one["state"] for one in actions} <= {*ENDS[cloud], "changed", "nothing"}


def test_its_report_has_states_and_undo_and_no_markup_of_an_event(played):
    page = (played[1] / "report.html").read_text()
    for words in ("exactly the former one", "After the intrusion", "After the undo", "Set aside: "):
        assert words in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"<script|\x1b|\u202e", page)


def test_it_does_not_touch_a_folder_that_no_demo_made(vigil, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "vigil.db").write_text("precious")
    for cloud in CLOUDS:
        ran = vigil("demo", "--cloud", cloud, "--home", "mine")
        assert ran.code == 2
    assert (tmp_path / "mine" / "vigil.db").read_text() == "precious"


def test_a_demo_of_another_cloud_has_a_home_of_its_own_which_the_next_one_empties(vigil, tmp_path):
    found = []
    for _ in range(2):
        assert vigil("demo", "--cloud", "gcp").code == 0
        ran = vigil("findings", "list", "--home", ".vigil/demo-gcp", "--format", "json")
        found.append(len(ran.lines))
    assert found[0] == found[1] > 0
    assert (tmp_path / ".vigil" / "demo-gcp" / "report.html").exists()


@pytest.mark.parametrize(
    ("given", "cloud", "only", "expected"),
    [
        (None, "aws", True, ".vigil/demo"),
        (None, "gcp", True, ".vigil/demo-gcp"),
        (None, "aws", False, ".vigil/demo"),
        (None, "azure", False, ".vigil/demo-azure"),
        ("there/mine", "azure", True, "there/mine"),
        ("there/mine", "aws", False, "there/mine"),
        ("there/mine", "azure", False, "there/mine-azure"),
    ],
)
def test_every_cloud_of_one_call_has_a_home_of_its_own(given, cloud, only, expected):
    assert _home(given and Path(given), cloud, only=only) == Path(expected)


@pytest.mark.parametrize(("cloud", "library"), [("aws", "moto"), ("azure", "azure.core")])
def test_what_the_extra_would_bring_is_named_in_one_line(cloud, library, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=(library,)), "demo", "--cloud", cloud,
         "--home", str(tmp_path / "home")],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 2
    assert f"{library} is not installed; the demo needs the extra" in ran.stderr
    assert not (tmp_path / "home").exists()
