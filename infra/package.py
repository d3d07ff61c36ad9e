"""The zip that a platform's functions are deployed from, the same bytes however often it is built.

    python infra/package.py aws --arch x86_64      ->  build/aws.zip
    python infra/package.py azure                  ->  build/azure.zip
    python infra/package.py gcp                    ->  build/gcp.zip

A package holds the locked dependencies (wheels for the platform, checked by hash; or just the lock,
where the platform installs from it), `core`, one folder of `functions`, and the compiled rulebook.
It does not hold what the platform brings itself, what only the command line uses, or anything that
differs between two builds: entries are sorted and carry one date and one mode. (Another zlib may
pack the same content into other bytes.)
Terraform takes the zip; it builds nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Platform(NamedTuple):
    """What a platform's functions run on, and what its runtime has installed already."""

    lock: str
    """Hash-pinned requirements, relative to the repository."""

    python: str
    triples: Mapping[str, str]
    """Architecture as Terraform names it -> platform as uv names it."""

    brings: tuple[str, ...] = ()
    """Distributions of the runtime: never in the zip."""

    libraries: str = "."
    """Folder of the zip that the dependencies go into: where the runtime looks for them."""

    root: tuple[str, ...] = ()
    """Files of the platform's functions that the runtime wants at the root of the zip."""

    carried: str = ""
    """Name of the lock in the zip, for a platform that installs from it: nothing is installed."""


class BuildError(Exception):
    """The package can't be built; the message says why and what to do."""


def build(platform: str, arch: str, output: Path) -> Path:
    """Build one platform's zip at `output`."""
    with tempfile.TemporaryDirectory(prefix="vigil-package-") as temporary:
        tree = Path(temporary) / "tree"
        libraries = tree / PLATFORMS[platform].libraries
        if carried := PLATFORMS[platform].carried:
            libraries.mkdir()
            shutil.copy(ROOT / PLATFORMS[platform].lock, tree / carried)
        else:
            install(PLATFORMS[platform], arch, libraries)
        copy_source(platform, tree)
        (tree / RULEBOOK).write_bytes(rulebook())
        refuse_strays(PLATFORMS[platform], libraries)
        # Console scripts; their first line names the builder's Python.
        shutil.rmtree(libraries / "bin", ignore_errors=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        unfinished = output.with_suffix(".partial")
        write_zip(tree, unfinished)
        unfinished.replace(output)
    return output


def install(platform: Platform, arch: str, tree: Path) -> None:
    """Unpack the locked wheels into `tree`. Nothing is compiled: a missing wheel is an error."""
    if arch not in platform.triples:
        known = ", ".join(sorted(platform.triples))
        raise BuildError(f"there is no {arch} on this platform; take one of {known}")
    command = [
        *uv(),
        *("pip", "install", "--quiet", "--python", sys.executable),
        *("--target", str(tree), "--python-version", platform.python),
        *("--python-platform", platform.triples[arch], "--only-binary", ":all:"),
        *("--require-hashes", "--no-deps", "--link-mode", "copy"),
        *("--requirements", str(ROOT / platform.lock)),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"the dependencies of {platform.lock} can't be installed:\n{done.stderr}")


def uv() -> list[str]:
    """How to start uv: beside this interpreter, as its module, or on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise BuildError("uv is not installed; `pip install uv`, or use the environment of make")
    return [found]


def copy_source(platform: str, tree: Path) -> None:
    """Copy core and one platform's functions. Rules go in compiled, so their YAML stays out."""
    for name in ("core", f"functions/{platform}"):
        shutil.copytree(ROOT / name, tree / name, ignore=leave_out)
    for name in PLATFORMS[platform].root:
        shutil.move(tree / "functions" / platform / name, tree / name)
    shutil.copy(ROOT / "functions/__init__.py", tree / "functions/__init__.py")


def leave_out(folder: str, names: list[str]) -> set[str]:
    """Names in a source folder that a function has no use for."""
    return {
        name
        for name in names
        if Path(folder, name) in BUILD_ONLY or any(fnmatch.fnmatch(name, each) for each in DROPPED)
    }


def rulebook() -> bytes:
    """The shipped rules, compiled. One bad rule stops the build: a silent gap must not ship."""
    sys.path.insert(0, str(ROOT))
    from core.rulebook import dump
    from core.sigma import compile_rules

    # Seen from the root, so that no path of the builder's machine gets into the rulebook.
    with contextlib.chdir(ROOT):
        compiled = compile_rules([Path("core/rules")])
    if compiled.faults:
        raise BuildError("rules refused:\n" + "\n".join(str(fault) for fault in compiled.faults))
    return bytes(dump(compiled.book))


def refuse_strays(platform: Platform, tree: Path) -> None:
    """Stop if the lock let in what the runtime brings, or what only a build needs."""
    strays = [
        found.name
        for name in (*platform.brings, *NEVER)
        for found in tree.glob(f"{name.replace('-', '_')}-*.dist-info")
    ]
    if strays:
        raise BuildError(f"{platform.lock} holds what must not be packaged: {', '.join(strays)}")


def write_zip(tree: Path, output: Path) -> None:
    """Zip `tree`: sorted names, one date, modes of plain files, no folders."""
    with zipfile.ZipFile(output, "w") as archive:
        for path in sorted(kept(tree), key=lambda path: path.relative_to(tree).as_posix()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), date_time=EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built: the mode below is read as such
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes(), compresslevel=9)


def kept(tree: Path) -> Iterator[Path]:
    """Every file of `tree` that belongs in the zip."""
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(wanted(folders))
        yield from (Path(folder, name) for name in wanted(files))


def wanted(names: Iterable[str]) -> list[str]:
    """The names that match nothing in DROPPED."""
    return [
        name
        for name in names
        if name in KEPT or not any(fnmatch.fnmatch(name, each) for each in DROPPED)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Build one package; print its path, digest and size."""
    parser = argparse.ArgumentParser(description="Build a platform's deployment package.")
    parser.add_argument("platform", choices=sorted(PLATFORMS))
    parser.add_argument("--arch", choices=("x86_64", "arm64"), default="x86_64")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args(arguments)
    output = chosen.output or ROOT / "build" / f"{chosen.platform}.zip"
    try:
        build(chosen.platform, chosen.arch, output)
    except BuildError as fault:
        print(f"package: {fault}", file=sys.stderr)
        return 2
    data = output.read_bytes()
    print(f"{output}  sha256 {hashlib.sha256(data).hexdigest()}  {len(data)} bytes")
    return 0


EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip entry can carry."""

RULEBOOK = "rulebook.json"
"""Where core.config looks for the compiled rules: beside core."""

BUILD_ONLY = frozenset(
    ROOT / "core" / name
    for name in (
        "charts.py",
        "hunt",
        "lint",
        "report.css",
        "report.html.j2",
        "report.py",
        "rules",
        "sigma",
    )
)
"""Parts of core that compile rules or serve the command line; what they need is not in the zip."""

DROPPED = (
    "__pycache__",
    "*.pyc",
    "*.pyi",
    "*-stubs",
    "RECORD",  # lists hashes of files dropped here
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
    ".*",
)
"""What no function reads, and what differs between two installations of the same wheel."""

KEPT = frozenset({".python_packages"})
"""What begins with a dot all the same: the folder where Azure's worker looks for libraries."""

NEVER = ("pysigma", "click", "rich", "jinja2", "moto", "pytest")
"""Distributions of the command line and the tests."""

PLATFORMS: Mapping[str, Platform] = {
    "aws": Platform(
        lock="requirements/aws.txt",
        python="3.13",
        # The python3.13 runtime is Amazon Linux 2023, which has glibc 2.34.
        triples={
            "x86_64": "x86_64-manylinux_2_28",
            "arm64": "aarch64-manylinux_2_28",
        },
        brings=("boto3", "botocore", "s3transfer", "python-dateutil", "six"),
    ),
    "azure": Platform(
        lock="requirements/azure.txt",
        python="3.13",
        # Functions on Linux is x86_64 alone, on Debian with glibc 2.36.
        triples={"x86_64": "x86_64-manylinux_2_28"},
        brings=("azure-functions-runtime", "azure-functions-worker"),
        libraries=".python_packages/lib/site-packages",
        root=("function_app.py", "host.json"),
    ),
    "gcp": Platform(
        lock="requirements/gcp.txt",
        python="3.13",
        triples={},
        root=("main.py",),
        carried="requirements.txt",
    ),
}


if __name__ == "__main__":
    sys.exit(main())
