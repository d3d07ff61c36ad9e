"""Rules that need records which are off by default, and don't say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from core.lint.subject import Known, Remark, Rules, Subject
from core.ports import Telemetry
from core.rulebook import needs

__all__ = ["unsaid_need"]


def unsaid_need(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule all of whose operations are off by default says which telemetry it needs."""
    if subject.looks_for is None or not subject.known.off:
        return
    demands = _native(needs(subject.looks_for), subject.known)
    for one in subject.known.off:
        applies = _applies(one, demands)
        if applies is None:
            return
        if applies:
            if one.need not in subject.rule.needs:
                text = f"needs {one.what}, and does not say so"
                hint = f"needs: [{one.need}]"
                line = subject.written.at("needs", "condition")
                yield subject.remark("unsaid_need", text, hint, line)
            return


def _native(
    demands: Mapping[str, frozenset[str]], known: Known
) -> dict[str, frozenset[str]]:  # fmt: skip
    """Native field -> folded texts, one of which a matching record has."""
    found: dict[str, frozenset[str]] = {}
    for field, texts in demands.items():
        for path in known.native.get(field, (field,)):
            found.setdefault(path, texts)
    return found


def _applies(one: Telemetry, demands: Mapping[str, frozenset[str]]) -> bool | None:
    """Whether every record that the rule asks for is of these; None where it can't be told."""
    asked = {field: demands[field] for field in one.where if field in demands}
    for field, texts in asked.items():
        if not all(_like(text, one.where[field]) for text in texts):
            return False
    for field, patterns in one.but.items():
        if any(_like(text, patterns) for text in demands.get(field, ())):
            return False
    if len(asked) == len(one.where):
        return True
    return None if asked else False


def _like(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
