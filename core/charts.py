"""Findings as the numbers of two drawings: over time, and over the ATT&CK tactics.

Pure arithmetic; what draws them is the template of core.report. It knows no HTML and no colour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from core.attack import REPLACED, TACTICS
from core.model import LEVELS, Finding, Level

__all__ = ["over_time", "tactics"]

BARS = 48
"""Most bars of the chart over time."""


def tactics(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings by ATT&CK tactic in the order of an attack, with the techniques of each."""
    counts: Counter[str] = Counter()
    techniques: dict[str, Counter[str]] = {}
    for one in findings:
        named = {attack.technique for attack in one.rule.attacks if attack.technique}
        for tactic in {attack.tactic for attack in one.rule.attacks if attack.tactic}:
            counts[tactic] += 1
            techniques.setdefault(tactic, Counter()).update(named)
    top = max(counts.values(), default=1)
    order = [*TACTICS, *sorted(counts.keys() - set(TACTICS))]
    rows = [
        {
            "name": _words(tactic),
            "count": counts[tactic],
            "width": round(1000 * counts[tactic] / top),
            "techniques": sorted(techniques[tactic].items(), key=lambda item: (-item[1], item[0])),
        }
        for tactic in order
        if counts[tactic]
    ]
    unseen = [_words(tactic) for tactic in TACTICS if not counts[tactic] and tactic not in REPLACED]
    return {"rows": rows, "unseen": unseen}


def _words(slug: str) -> str:
    return slug.replace("-", " ").replace("_", " ").capitalize()


def over_time(findings: Sequence[Finding]) -> dict[str, Any] | None:
    """Bars over time, stacked by level, as numbers for the drawing."""
    if not findings:
        return None
    first = min(one.time for one in findings)
    span = max(one.time for one in findings) - first
    step = next((step for step in STEPS if span // step < BARS - 1), span // (BARS - 2) + 1)
    start = first // step * step
    slots = max(LEAST_BARS, (first + span - start) // step + 1)
    stacks: list[Counter[Level]] = [Counter() for _ in range(slots)]
    for one in findings:
        stacks[(one.time - start) // step][one.level] += 1
    ceiling = _ceiling(max(stack.total() for stack in stacks))
    return {
        "bars": [
            bar
            for slot, stack in enumerate(stacks)
            for bar in _stack(stack, slot, slots, ceiling, _when(start + slot * step))
        ],
        "grid": [
            (round(PLOT_TOP + PLOT_HEIGHT * (1 - part / 4), 1), round(ceiling * part / 4))
            for part in range(5)
            if ceiling * part % 4 == 0
        ],
        "ticks": _ticks(start, step, slots),
        "step": _duration(step),
    }


def _stack(
    stack: Counter[Level], slot: int, slots: int, ceiling: int, when: str
) -> list[dict[str, Any]]:
    """The rectangles of one bar, the gravest level at the foot."""
    width = PLOT_WIDTH / slots
    foot = float(PLOT_TOP + PLOT_HEIGHT)
    bars = []
    for level in reversed(LEVELS):
        if not stack[level]:
            continue
        height = PLOT_HEIGHT * stack[level] / ceiling
        foot -= height
        bars.append(
            {
                "x": round(PLOT_LEFT + slot * width + width * 0.1, 2),
                "y": round(foot, 2),
                "width": round(width * 0.8, 2),
                "height": round(max(height - 1, 0.5), 2),
                "level": level,
                "label": f"{when}: {stack[level]} {level}",
            }
        )
    return bars


def _ceiling(most: int) -> int:
    """A round number that no bar exceeds."""
    power = 1
    while True:
        for part in (1, 2, 4, 8):
            if part * power >= most:
                return part * power
        power *= 10


def _ticks(start: int, step: int, slots: int) -> list[tuple[float, str, str]]:
    every = -(-slots // 6)
    layout = "%H:%M:%S" if step < 60_000 else "%H:%M" if step < 86_400_000 else "%d %b"
    ticks = []
    for slot in range(0, slots, every):
        when = datetime.fromtimestamp((start + slot * step) / 1000, UTC)
        x = round(PLOT_LEFT + slot * PLOT_WIDTH / slots, 1)
        ticks.append((x, when.strftime(layout), when.strftime("%Y-%m-%d") if slot == 0 else ""))
    return ticks


def _duration(step: int) -> str:
    for size, name in ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute")):
        if step >= size:
            count = step // size
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{step // 1000} seconds"


def _when(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


PLOT_LEFT, PLOT_TOP, PLOT_WIDTH, PLOT_HEIGHT = 40, 12, 912, 240
"""The chart's plot within its 960 x 300 drawing."""

LEAST_BARS = 24

STEPS = tuple(
    seconds * 1000
    for seconds in (10, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
)
"""Widths of a bar, ms, finest first."""
