"""What the sources say about the records that a rule reads: fields, facts, and what is off.

A logsource may have several sources, and a rule may read several logsources: it is told to ask
for a field only when none of them has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.lint.logic import Facts
from core.lint.subject import Known
from core.ports import Source, Telemetry
from core.rulebook import covers

__all__ = ["about"]


def about(sources: Iterable[Source], wanted: str) -> Known:
    """What is known of the records that a rule of logsource `wanted` is asked about."""
    read = [
        source
        for source in sources
        if any(covers(wanted, name) for name in (source.name, *source.also))
    ]
    if not wanted or not read:
        return Known()
    own = [source for source in read if covers(wanted, source.name)] or read
    every = [_listed(source) for source in read]
    off: list[Telemetry] = []
    for source in own:
        off += [one for one in source.off if one not in off]
    return Known(
        fields=frozenset().union(*(fields for fields, _ in every)),
        open=tuple(sorted({tree for _, trees in every for tree in trees})),
        checked=all(source.fields for source in read),
        facts=Facts(_single(read), _there(read)),
        off=tuple(off) if all(source.off for source in own) else (),
        native={
            name: paths
            for source in own
            for name, paths in (*((field, ()) for field in source.derived), *source.aliases.items())
        },
    )


def _listed(source: Source) -> tuple[frozenset[str], frozenset[str]]:
    """Fields of a source, and its open objects."""
    native = [field.replace("[]", "") for field in source.fields]
    trees = {field.removesuffix(".*") for field in native if field.endswith(".*")}
    leaves = {field.removesuffix(".*") for field in native}
    above = {prefix for field in leaves for prefix in _above(field)}
    return frozenset({*leaves, *above, *source.aliases, *source.derived}), frozenset(trees)


def _above(field: str) -> Iterable[str]:
    """`a` and `a.b` of `a.b.c`."""
    cut = field.rfind(".")
    while cut != -1:
        yield field[:cut]
        cut = field.rfind(".", 0, cut)


def _single(sources: Sequence[Source]) -> frozenset[str]:
    """Fields that have one value in the records of every source that has them."""
    one = {field for source in sources for field in source.fields if not _many(field)}
    several = {
        field.replace("[]", "") for source in sources for field in source.fields if _many(field)
    }
    renamed = {name for source in sources for name in (*source.aliases, *source.derived)}
    complete = all(source.fields for source in sources)
    return frozenset(one - several - renamed) if complete else frozenset()


def _many(field: str) -> bool:
    return "[]" in field or field.endswith(".*")


def _there(sources: Sequence[Source]) -> frozenset[str]:
    """Fields by which every one of the sources knows its records; null is no way to know one."""
    renamed: Mapping[str, object] = {
        name: None for source in sources for name in (*source.aliases, *source.derived)
    }
    shared = set(sources[0].keys).intersection(*(source.keys for source in sources[1:]))
    return frozenset(shared - renamed.keys())
