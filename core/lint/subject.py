"""What the checks are given and what they give back: a rule with all that is known of it, remarks.

It knows no check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from core.correlate import Correlation
from core.lint.logic import Facts
from core.model import Rule
from core.ports import Telemetry
from core.rulebook import Expr
from core.sigma import Example, Written

__all__ = ["Known", "Remark", "Rules", "Subject"]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something about a rule that its author should mend."""

    check: str
    """Its name stays: scripts may leave a check out by it."""
    file: str
    line: int = 0
    """1-based; 0 where it is not known."""
    rule: str = ""
    """Id of the rule."""
    title: str = ""
    text: str
    hint: str = ""
    """How to mend it."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        title = f"{self.title}: " if self.title else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{title}{self.text}{hint} [{self.check}]"


class Known(msgspec.Struct, frozen=True):
    """What is known of the records that a rule reads."""

    fields: frozenset[str] = frozenset()
    """Fields that may be there, objects on the way included."""
    open: tuple[str, ...] = ()
    """Objects below which anything may be."""
    checked: bool = False
    """Whether that is all: some source does not list its fields."""
    facts: Facts = Facts()
    off: tuple[Telemetry, ...] = ()
    """What is off by default; () unless every source has some."""
    native: Mapping[str, tuple[str, ...]] = {}
    """Field as rules write it -> native paths; () for one that no record holds."""

    def has(self, field: str) -> bool:
        """Whether some record may have the field."""
        return field in self.fields or any(field.startswith(f"{one}.") for one in self.open)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, or one correlation of rules."""

    rule: Rule
    looks_for: Expr | None = None
    """None for a correlation."""
    correlation: Correlation | None = None
    written: Written = Written()
    """Empty for a rule out of a built rulebook, of which no lines are known."""
    examples: tuple[Example, ...] = ()
    known: Known = Known()
    provider: str = ""
    """The cloud that a neutral rule is limited to; "" for all."""
    silent: bool = False
    """It only feeds correlations and tells nothing of its own."""

    def remark(self, check: str, text: str, hint: str = "", line: int = 0) -> Remark:
        """A remark on this rule; line 0: where it begins."""
        return Remark(
            check=check,
            file=self.rule.file,
            line=line or self.written.line,
            rule=self.rule.id,
            title=self.rule.title,
            text=text,
            hint=hint,
        )


class Rules(msgspec.Struct, frozen=True):
    """All rules that are looked at together, by id."""

    subjects: Mapping[str, Subject]

    def watched(self, subject: Subject) -> Iterator[Subject]:
        """The rules and correlations that a correlation watches."""
        for id in subject.correlation.watched if subject.correlation else ():
            if id in self.subjects:
                yield self.subjects[id]

    def below(self, subject: Subject) -> Iterator[Subject]:
        """The rules at the end of all chains that begin with it."""
        if subject.correlation is None:
            yield subject
        for one in self.watched(subject):
            yield from self.below(one)
