"""What the demo leaves behind: its store and journal as local state, and the report.

So `vigil findings`, `vigil actions` and `vigil audit verify` have something to look at when the
embedded AWS is gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.ports import system_clock
from core.report import Head, render
from functions.local import home as state
from functions.local.terminal import fail, write_text

__all__ = ["fresh", "keep"]

MARK = "made-by-vigil-demo"
KINDS = ("finding", "action", "chain", "breaker")


def fresh(home: Path) -> None:
    """An empty home. A former demo's is emptied; anything else that is there is left alone."""
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        fail(f"{home} holds something that no demo made; name another folder with --home")
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch()
    for pattern in ("vigil.db*", "journal/*.journal", "rulebook.json", "functions.log", "*.html"):
        for path in home.glob(pattern):
            path.unlink()


def keep(home: Path, store: Any, journal: Any, records: int) -> Path:
    """Copy state and journal line by line, and write the report; its path."""
    with state.opened(home, create=True) as local:
        for kind in KINDS:
            for id, entry in store.scan(kind):
                local.store.put(kind, id, entry.value, version=0)
        for chain in journal.chains():
            for seq, line in journal.read(chain):
                local.journal.append(chain, seq, line)
        page = render(
            Head(
                title="Demo: an intrusion at Example Ltd",
                at=system_clock(),
                tally={"Records read": records},
            ),
            state.findings(local),
            state.responses(local),
            state.chains(local),
        )
    path = (home / "report.html").resolve()
    write_text(path, page)
    return path
