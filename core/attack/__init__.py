"""ATT&CK as Vigil speaks it: version 19 (April 2026), whatever version a rule was written for.

Version 19 split the tactic Defense Evasion into Stealth and Defense Impairment and renumbered
Impair Defenses (T1562). catalogue.py has the catalogue of the Enterprise matrix. No network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.attack.catalogue import RENUMBERED, techniques
from core.model import Attack

__all__ = ["RENUMBERED", "REPLACED", "TACTICS", "VERSION", "attacks", "techniques"]

VERSION = "19"

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""Enterprise tactics in the order of an attack, the replaced one included."""

REPLACED = frozenset({"defense-evasion"})
"""Tactics of older versions, which rules still name."""

TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?$")


def attacks(tags: Iterable[str]) -> tuple[Attack, ...]:
    """What Sigma tags (`attack.stealth`, `attack.t1685.002`) say, in version 19.

    A technique is paired with the tactic when there is only one.
    """
    names = [tag.lower().removeprefix("attack.") for tag in tags if tag.lower()[:7] == "attack."]
    named = dict.fromkeys(
        RENUMBERED.get(name.upper(), name.upper()) for name in names if TECHNIQUE.match(name)
    )
    evasion = "defense-impairment" if any(map(_impairs, named)) else "stealth"
    slugs = [name.replace("_", "-") for name in names]
    tactics = dict.fromkeys(
        evasion if slug in REPLACED else slug for slug in slugs if slug in TACTICS
    )
    if len(tactics) == 1 and named:
        (tactic,) = tactics
        return tuple(Attack(tactic=tactic, technique=technique) for technique in named)
    return (
        *(Attack(tactic=tactic) for tactic in tactics),
        *(Attack(technique=technique) for technique in named),
    )


def _impairs(technique: str) -> bool:
    """Whether it went from Defense Evasion to Defense Impairment, and not to Stealth."""
    tactics = techniques().get(technique, ())
    return "defense-impairment" in tactics and "stealth" not in tactics
