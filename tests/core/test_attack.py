"""ATT&CK tags of any generation in the words of version 19."""

from __future__ import annotations

import pytest

from core.attack import attacks
from core.model import Attack


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], ()),
        (["cve.2026.1", "attack.unheard-of", "attack.g0001"], ()),
        (["attack.impact", "attack.t1485"], (Attack(tactic="impact", technique="T1485"),)),
        (["ATTACK.Initial_Access"], (Attack(tactic="initial-access"),)),
        (
            ["attack.defense-evasion", "attack.t1562.008"],
            (Attack(tactic="defense-impairment", technique="T1685.002"),),
        ),
        (
            ["attack.defense_evasion", "attack.t1564"],
            (Attack(tactic="stealth", technique="T1564"),),
        ),
        (
            ["attack.persistence", "attack.impact", "attack.t1098.001", "attack.t1098.001"],
            (
                Attack(tactic="persistence"),
                Attack(tactic="impact"),
                Attack(technique="T1098.001"),
            ),
        ),
        (["attack.t1562", "attack.t1685"], (Attack(technique="T1685"),)),
    ],
)
def test_tags_read_as_version_19(tags, expected):
    assert attacks(tags) == expected
