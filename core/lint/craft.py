"""What every rule should have beside its detection: examples, a status, a description."""

from __future__ import annotations

from collections.abc import Iterator

from core.lint.subject import Remark, Rules, Subject

__all__ = ["description", "examples", "status"]


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


def status(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule says how sure it is of itself."""
    if not subject.rule.status:
        yield subject.remark("no_status", "has no status", "stable, test or experimental")


def description(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule says what it is about."""
    if not subject.rule.description:
        text = "has no description: what happened, and why it matters"
        yield subject.remark("no_description", text)
