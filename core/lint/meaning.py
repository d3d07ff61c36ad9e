"""Detections that hold for every record, or for none."""

from __future__ import annotations

from collections.abc import Iterator

from core.lint.logic import always, never
from core.lint.subject import Remark, Rules, Subject

__all__ = ["always_true", "never_true"]


def always_true(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """No search, and not the whole, holds for every record."""
    if subject.looks_for is None:
        return
    facts = subject.known.facts
    if always(subject.looks_for, facts):
        line = subject.written.at("condition")
        text = "the condition holds for every record"
        yield subject.remark("always_true", text, "say what the record must have", line)
        return
    for name, search in subject.written.searches.items():
        if always(search.looks_for, facts):
            text = f"'{name}' holds for every record"
            yield subject.remark("always_true", text, "leave it out, or mend it", search.line)


def never_true(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """Every search, and the whole, can hold."""
    if subject.looks_for is None:
        return
    facts = subject.known.facts
    broken = False
    for name, search in subject.written.searches.items():
        if never(search.looks_for, facts):
            broken = True
            text = f"'{name}' can't hold: its tests contradict each other"
            yield subject.remark(
                "never_true", text, "values of a list are any, keys all", search.line
            )
    if not broken and never(subject.looks_for, facts):
        line = subject.written.at("condition")
        text = "the condition can't hold: its parts contradict each other"
        yield subject.remark("never_true", text, "read what `not` and brackets bind", line)
