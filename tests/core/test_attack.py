"""ATT&CK tags of any generation in the words of version 19."""

from __future__ import annotations

import pytest

from core.attack import RENUMBERED, REPLACED, TACTICS, attacks, techniques
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
        (
            ["attack.defense-evasion", "attack.t1578"],
            (Attack(tactic="defense-impairment", technique="T1578"),),
        ),
    ],
)
def test_tags_read_as_version_19(tags, expected):
    assert attacks(tags) == expected


def test_the_catalogue_has_as_many_techniques_as_mitre_counts():
    every = techniques()
    assert sum("." not in technique for technique in every) == 222
    assert sum("." in technique for technique in every) == 475
    assert {tactic for tactics in every.values() for tactic in tactics} == {*TACTICS} - REPLACED


def test_a_sub_technique_has_its_technique_and_its_tactics():
    every = techniques()
    assert all(every[id.partition(".")[0]] == tactics for id, tactics in every.items())


def test_what_was_renumbered_is_gone_and_what_replaces_it_is_there():
    assert not RENUMBERED.keys() & techniques().keys()
    assert {*RENUMBERED.values()} <= techniques().keys()


@pytest.mark.parametrize(
    ("technique", "tactics"),
    [
        ("T1685.002", ("defense-impairment",)),
        ("T1537", ("exfiltration",)),
        ("T1098.001", ("persistence", "privilege-escalation")),
        ("T1027.018", ("stealth",)),
    ],
)
def test_a_technique_is_of_its_tactics(technique, tactics):
    assert techniques()[technique] == tactics
