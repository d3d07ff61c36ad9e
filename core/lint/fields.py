"""Fields that no record of the rule's source has: such a test never holds, or holds always."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.lint.subject import Known, Remark, Rules, Subject
from core.rulebook import And, Expr, Not, Or
from core.sigma.document import near

__all__ = ["asked", "nearest", "unknown_field"]


def unknown_field(subject: Subject, rules: Rules) -> Iterator[Remark]:
    """A rule asks for what may be there."""
    if subject.looks_for is None or not subject.known.checked:
        return
    for field in dict.fromkeys(asked(subject.looks_for)):
        if not subject.known.has(field):
            text = f"no record of {subject.rule.source} has a field '{field}'"
            line = subject.written.fields.get(field, 0)
            yield subject.remark("unknown_field", text, nearest(field, subject.known), line)


def asked(looks_for: Expr) -> Iterator[str]:
    """The fields that an expression looks at, in the order in which they are written."""
    match looks_for:
        case And(items=items) | Or(items=items):
            for item in items:
                yield from asked(item)
        case Not(item=item):
            yield from asked(item)
        case _:
            yield from filter(None, (getattr(looks_for, key, "") for key in ("field", "other")))


def nearest(field: str, known: Known) -> str:
    """A hint: the field in another case, else the one that looks most like it."""
    folded = field.casefold()
    twins: Iterable[str] = (one for one in sorted(known.fields) if one.casefold() == folded)
    twin = next(iter(twins), "")
    return f"did you mean '{twin}'? Case counts in names" if twin else near(field, known.fields)
