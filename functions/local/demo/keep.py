"""What the demo leaves behind: its store and journal as local state, and the report.

So `vigil findings`, `vigil actions` and `vigil audit verify` have something to look at when the
cloud's stand-in is gone.
"""

from __future__ import annotations

from pathlib import Path

from core.ports import system_clock
from core.report import Head, render
from functions.local import home as state
from functions.local.demo.scene import Played, Scene
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


def keep(home: Path, scene: Scene, played: Played) -> Path:
    """Copy state and journal line by line, and write the report; its path."""
    with state.opened(home, create=True) as local:
        for kind in KINDS:
            for id, entry in scene.store.scan(kind):
                local.store.put(kind, id, entry.value, version=0)
        for chain in scene.journal.chains():
            for seq, line in scene.journal.read(chain):
                local.journal.append(chain, seq, line)
        page = render(
            Head(
                title=f"Demo: an intrusion at Example Ltd, on {scene.cloud}",
                at=system_clock(),
                tally={"Messages read": played.messages},
                notes=tuple(f"Set aside: {reason}" for reason in played.refused),
                states=tuple(
                    (moment, {thing: reading.words for thing, reading in things.items()})
                    for moment, things in played.states
                ),
            ),
            state.findings(local),
            state.responses(local),
            state.chains(local),
        )
    path = (home / "report.html").resolve()
    write_text(path, page)
    return path
