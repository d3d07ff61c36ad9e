"""ATT&CK tags: ids that are there, ids that moved, tactics and techniques that belong together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.attack import RENUMBERED, REPLACED, TACTICS, VERSION, techniques
from core.lint.subject import Remark, Rules, Subject
from core.sigma.document import near

__all__ = ["attack_ids", "attack_missing", "attack_pairs"]


def attack_missing(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule is on the map."""
    line = subject.written.at("tags")
    if not any(attack.technique for attack in subject.rule.attacks):
        text = "names no ATT&CK technique"
        yield subject.remark("no_technique", text, "tags: attack.t1098.001", line)
    if not any(attack.tactic for attack in subject.rule.attacks):
        text = "names no ATT&CK tactic"
        yield subject.remark("no_tactic", text, "tags: attack.persistence", line)


def attack_ids(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """Every tag is of the catalogue as it is now; those of groups and software are left alone."""
    line = subject.written.at("tags")
    for tag, name in _names(subject):
        id = name.upper()
        if TECHNIQUE.fullmatch(id):
            if id in RENUMBERED:
                text = f"tag '{tag}' is of an older ATT&CK"
                hint = f"since version {VERSION}: attack.{RENUMBERED[id].lower()}"
                yield subject.remark("attack_renumbered", text, hint, line)
            elif id not in techniques():
                text = f"tag '{tag}' is no technique of ATT&CK {VERSION}, Enterprise"
                yield subject.remark("attack_unknown", text, near(id, techniques()), line)
        elif (slug := name.replace("_", "-")) in REPLACED:
            text = f"tag '{tag}' is of an older ATT&CK"
            hint = "since version 19: attack.stealth or attack.defense-impairment"
            yield subject.remark("attack_renumbered", text, hint, line)
        elif slug not in TACTICS and not OTHER.fullmatch(id):
            text = f"tag '{tag}' is no tactic of ATT&CK {VERSION}, Enterprise"
            yield subject.remark("attack_unknown", text, near(slug, TACTICS), line)


def attack_pairs(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """Each tactic is one of some technique's, and each technique has one of its tactics there."""
    line = subject.written.at("tags")
    tactics = dict.fromkeys(attack.tactic for attack in subject.rule.attacks if attack.tactic)
    named = {
        attack.technique: techniques()[attack.technique]
        for attack in subject.rule.attacks
        if attack.technique in techniques()
    }
    if not named or not tactics:
        return
    alone = [technique for technique, those in named.items() if not tactics.keys() & set(those)]
    for technique in alone:
        text = f"{technique} is not of the tactic {' or '.join(tactics)}"
        hint = f"it is of {', '.join(named[technique])}"
        yield subject.remark("attack_pair", text, hint, line)
    for tactic in tactics if len(alone) < len(named) else ():
        if not any(tactic in those for those in named.values()):
            text = f"tactic '{tactic}' is of none of {', '.join(named)}"
            yield subject.remark("attack_pair", text, _theirs(named), line)


def _theirs(named: dict[str, tuple[str, ...]]) -> str:
    every = dict.fromkeys(tactic for those in named.values() for tactic in those)
    return f"these are of {', '.join(every)}"


def _names(subject: Subject) -> Iterator[tuple[str, str]]:
    for tag in subject.rule.tags:
        space, _, name = tag.lower().partition(".")
        if space == "attack":
            yield tag, name


TECHNIQUE = re.compile(r"T[1-9]\d{3}(\.\d{3})?")

OTHER = re.compile(r"(A|G|S|C|M|DS|DC|DET|AN|TA|T0)\d+(\.\d+)?")
"""Assets, groups, software, campaigns, mitigations, data, detections, tactics by number; and the
techniques of the matrix for industrial systems."""
