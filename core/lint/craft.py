"""What every rule should have beside its detection: examples, a status, a description."""

from __future__ import annotations

from collections.abc import Iterator

from core.detect.plain import holds
from core.lint.logic import implies
from core.lint.subject import Remark, Rules, Subject
from core.rulebook import And, Text, needs

__all__ = ["description", "examples", "near_miss", "status"]


def examples(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule has an example on which it fires, and one on which it must not."""
    if subject.correlation is not None:
        return
    line = subject.written.at("tests")
    if not subject.examples:
        hint = "tests: a list of {name, fires, event}"
        yield subject.remark("no_example", "has no example", hint)
    elif not any(one.fires for one in subject.examples):
        yield subject.remark("no_firing_example", "has no example on which it must fire", line=line)
    elif all(one.fires for one in subject.examples):
        text = "has no example on which it must stay quiet"
        yield subject.remark("no_quiet_example", text, "nearly the same record, harmless", line)


def near_miss(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """Some record on which the rule must stay quiet is of the operations that it looks for.

    Only where a record of these operations may be quiet at all, and where its fields are native.
    """
    demands = needs(subject.looks_for) if subject.looks_for is not None else {}
    quiet = [one for one in subject.examples if not one.fires]
    known = subject.known
    if subject.looks_for is None or not (demands and quiet and known.checked):
        return
    if any(field in known.native or not known.has(field) for field in demands):
        return
    asked = And(tuple(Text(field, tuple(sorted(texts))) for field, texts in demands.items()))
    if implies(asked, subject.looks_for, known.facts):
        return
    if not any(holds(asked, one.event, None) for one in quiet):
        text = f"each quiet example is of another {' or '.join(demands)}"
        hint = "add one that the rule nearly fires on"
        yield subject.remark("far_example", text, hint, subject.written.at("tests"))


def status(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule says how sure it is of itself."""
    if not subject.rule.status:
        yield subject.remark("no_status", "has no status", "stable, test or experimental")


def description(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule says what it is about."""
    if not subject.rule.description:
        text = "has no description: what happened, and why it matters"
        yield subject.remark("no_description", text)
