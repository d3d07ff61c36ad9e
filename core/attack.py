"""ATT&CK as Vigil speaks it: version 19 (April 2026), whatever version a rule was written for.

Version 19 split the tactic Defense Evasion into Stealth and Defense Impairment and renumbered
Impair Defenses (T1562). Source: MITRE's release notes of version 19. No network, no full catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from core.model import Attack

__all__ = ["REPLACED", "TACTICS", "VERSION", "attacks"]

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

IMPAIRING = ("T1685", "T1686")
"""Techniques that went to Defense Impairment; the others of Defense Evasion went to Stealth."""

RENUMBERED: Mapping[str, str] = {
    "T1562": "T1685",
    "T1562.001": "T1685",
    "T1562.006": "T1685",
    "T1562.002": "T1685.001",
    "T1562.008": "T1685.002",
    "T1562.004": "T1686",
    "T1562.007": "T1686.001",
}


def attacks(tags: Iterable[str]) -> tuple[Attack, ...]:
    """What Sigma tags (`attack.stealth`, `attack.t1685.002`) say, in version 19.

    A technique is paired with the tactic when there is only one.
    """
    names = [tag.lower().removeprefix("attack.") for tag in tags if tag.lower()[:7] == "attack."]
    techniques = dict.fromkeys(
        RENUMBERED.get(name.upper(), name.upper()) for name in names if TECHNIQUE.match(name)
    )
    impairs = any(technique.startswith(IMPAIRING) for technique in techniques)
    evasion = "defense-impairment" if impairs else "stealth"
    slugs = [name.replace("_", "-") for name in names]
    tactics = dict.fromkeys(
        evasion if slug in REPLACED else slug for slug in slugs if slug in TACTICS
    )
    if len(tactics) == 1 and techniques:
        (tactic,) = tactics
        return tuple(Attack(tactic=tactic, technique=technique) for technique in techniques)
    return (
        *(Attack(tactic=tactic) for tactic in tactics),
        *(Attack(technique=technique) for technique in techniques),
    )
