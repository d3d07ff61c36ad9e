"""What may be wrong with rules that can be honoured: small checks over compiled rules, as a table.

    lint(Linted(...), sources) -> remarks, each with file, line, rule, a name that stays, and a hint

Reading order: subject.py (a rule as checks see it), known.py (what its source is known for), then a
file for each kind of check: craft.py, tags.py, fields.py, telemetry.py, meaning.py and overlap.py
with logic.py and patterns.py below them, chains.py. A remark is certain: where a check can't
be, it is silent. Nothing here parses, prints, or runs in a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from core.correlate import silent
from core.errors import BadRule
from core.lint import craft
from core.lint.chains import always_met, correlation_fields, unreachable
from core.lint.fields import unknown_field
from core.lint.known import about
from core.lint.meaning import always_true, never_true
from core.lint.overlap import overlaps
from core.lint.subject import Known, Remark, Rules, Subject
from core.lint.tags import attack_ids, attack_missing, attack_pairs
from core.lint.telemetry import unsaid_need
from core.ports import Source
from core.rulebook import Rulebook
from core.sigma import Example, Written
from core.watch import correlations

__all__ = ["CHECKS", "Remark", "lint"]


def lint(
    book: Rulebook,
    sources: Iterable[Source],
    *,
    written: Mapping[str, Written] | None = None,
    examples: Mapping[str, tuple[Example, ...]] | None = None,
    warnings: Iterable[BadRule] = (),
) -> tuple[Remark, ...]:
    """Every remark on the rules of a book, by file and line.

    `written` and `examples` are by id, as core.sigma.compile_rules gives them, and so are the
    warnings, which become remarks of the check `doubtful`.
    """
    rules = Rules(
        {one.rule.id: one for one in _subjects(book, tuple(sources), written or {}, examples or {})}
    )
    found = [_doubt(warning) for warning in warnings]
    for subject in rules.subjects.values():
        for check in CHECKS:
            found.extend(check(subject, rules))
    found.extend(overlaps(rules))
    return tuple(sorted(found, key=lambda one: (one.file, one.line, one.check, one.text)))


def _subjects(
    book: Rulebook,
    sources: tuple[Source, ...],
    written: Mapping[str, Written],
    examples: Mapping[str, tuple[Example, ...]],
) -> Iterator[Subject]:
    @cache
    def known(source: str) -> Known:
        return about(sources, source)

    chains = correlations(book)
    quiet = silent(chains)
    for number, rule in enumerate(book.rules):
        yield Subject(
            rule=rule,
            looks_for=book.detection(number),
            written=written.get(rule.id, Written()),
            examples=examples.get(rule.id, ()),
            known=known(rule.source),
            provider=book.entries[number].provider,
            silent=rule.id in quiet,
        )
    for one in chains:
        yield Subject(rule=one.rule, correlation=one, written=written.get(one.id, Written()))


def _doubt(warning: BadRule) -> Remark:
    return Remark(
        check="doubtful",
        file=warning.file,
        line=warning.line,
        text=warning.reason,
        hint=warning.hint,
    )


CHECKS: tuple[Callable[[Subject, Rules], Iterator[Remark]], ...] = (
    craft.examples,
    craft.near_miss,
    craft.status,
    craft.description,
    attack_missing,
    attack_ids,
    attack_pairs,
    unknown_field,
    unsaid_need,
    always_true,
    never_true,
    unreachable,
    always_met,
    correlation_fields,
)
"""What is looked at, one rule at a time; `overlaps` looks at all. A check of filters (who answers
for one, why, until when) is one line more, once a filter is a Subject."""
