"""Terraform for tests: finds it, copies a module aside, runs it against an AWS on the loopback.

The module itself has no switches for tests: the provider takes endpoint and credentials from the
environment, and an endpoint that is an address makes it use path-style buckets.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLUGIN_FOLDERS = (Path("/opt/tf-plugins"), Path.home() / ".terraform.d" / "plugins")
"""Where providers lie on machines that can't or needn't fetch them; VIGIL_TF_PLUGIN_DIR first."""


class Module(NamedTuple):
    """A copy of a root module, initialised, with the environment that it runs in."""

    folder: Path
    env: Mapping[str, str]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """terraform ARGUMENTS in the module."""
        done = subprocess.run(
            ["terraform", arguments[0], "-no-color", *arguments[1:]],
            cwd=self.folder,
            env=dict(self.env),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"terraform {' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr}")
        return done

    def plan(self, **variables: Any) -> dict[str, Any]:
        """What Terraform would make, as its JSON plan."""
        self.run("plan", "-input=false", "-out=tfplan", *options(variables))
        shown: dict[str, Any] = json.loads(self.run("show", "-json", "tfplan").stdout)
        return shown

    def refusal(self, **variables: Any) -> str:
        """What a plan that must fail says."""
        done = self.run("plan", "-input=false", *options(variables), check=False)
        assert done.returncode == 1, "the plan was accepted"
        return " ".join(done.stderr.replace("│", " ").split())

    def apply(self, **variables: Any) -> None:
        """Bring the deployment to what the variables say."""
        self.run(*APPLY, *options(variables))

    def outputs(self) -> dict[str, Any]:
        """Output values by name."""
        found = json.loads(self.run("output", "-json").stdout)
        return {name: each["value"] for name, each in found.items()}


def module(name: str, folder: Path, endpoint: str, plugins: Path | None = None) -> Module:
    """infra/NAME copied into `folder` with what it reads beside it, initialised.

    `plugins` is a folder of providers; without one they are looked for, or fetched.
    """
    needs_terraform()
    copy = folder / "infra" / name
    copy.mkdir(parents=True)
    for file in (ROOT / "infra" / name).glob("*.tf"):
        shutil.copy(file, copy)
    permissions = Path("functions") / name / "permissions.json"
    (folder / permissions).parent.mkdir(parents=True)
    shutil.copy(ROOT / permissions, folder / permissions)
    made = Module(copy, environment(endpoint))
    plugins = plugins or plugin_folder()
    made.run("init", "-input=false", *([f"-plugin-dir={plugins}"] if plugins else []))
    return made


def environment(endpoint: str) -> dict[str, str]:
    """The environment of a run: nobody's real credentials or settings leak into it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ARM_", "AWS_", "TF_")) or name == "TF_PLUGIN_CACHE_DIR"
    }
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
    }


def needs_terraform() -> None:
    """Skip without Terraform, but fail where a skip would go unseen."""
    if not shutil.which("terraform"):
        missing("terraform 1.11 or later", "from HashiCorp's packages or a version manager")


def missing(what: str, how: str) -> None:
    """Skip the test, or fail it on a CI machine, naming what to install."""
    text = f"{what} is not installed; get it {how}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(text)
    pytest.skip(text)


def plugin_folder() -> Path | None:
    """A local folder of providers, or None: then Terraform fetches them."""
    named = os.environ.get("VIGIL_TF_PLUGIN_DIR")
    folders = (Path(named),) if named else PLUGIN_FOLDERS
    return next((each for each in folders if any(each.glob("*/hashicorp/aws/*"))), None)


def options(variables: Mapping[str, Any]) -> list[str]:
    """Variables as -var options; Terraform reads a JSON value as one of its own."""
    return [
        f"-var={name}={json.dumps(value)}" if not isinstance(value, str) else f"-var={name}={value}"
        for name, value in variables.items()
    ]


APPLY = ("apply", "-input=false", "-auto-approve", "-parallelism=20")
