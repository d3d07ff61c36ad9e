"""The quick way through a chunk: only headers are decoded, and records opened where need be.

For a source (or raw records) a struct type is made of the header's fields, nested as they are in
the record, and msgspec decodes a whole chunk into a list of them, checking all of its JSON on the
way. Wherever a record is not as the type expects (another shape on the way to a field, an envelope,
a key that contains dots), decoding fails, and the chunk goes the slow way: quick or exact is never
the choice. It knows nothing of files, nor of what rules look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec

__all__ = ["UNSET", "Layout", "Paths", "decode", "raws"]

UNSET = msgspec.UNSET

Impossible = Annotated[str, msgspec.Meta(min_length=1, max_length=0)]
"""A type that no value has: where it stands, the key must be absent or decoding fails."""


class Paths(NamedTuple):
    """Paths into a record; none of them leads through another."""

    exact: Sequence[str]
    extra: Sequence[tuple[str, ...]]
    """Of each the first that exists counts."""
    told: Sequence[str]
    """Those that tell one source's records from another's."""
    below: Sequence[str]
    """Those that do lead through others: objects there are looked into by whoever asks."""


class Layout:
    """A struct for headers: some paths into a record, and some top-level keys beside them."""

    def __init__(
        self,
        paths: Paths,
        keys: Iterable[str],
        wanted: Iterable[str],
        envelopes: Iterable[str],
        sample: Any = None,
    ) -> None:
        tree, every = _Tree(), (*paths.exact, *chain(*paths.extra), *paths.told)
        self._places = {path: tree.add(path.split(".")) for path in every}
        self._exact = [self._places[path] for path in paths.exact]
        self._extra = [[self._places[path] for path in some] for some in paths.extra]
        self._values, self._usual = _getter(self._exact), True
        for path in (*every, *paths.below):
            tree.forbid_dotted(path.split("."))
        self._beside = [tree.beside(key) for key in keys]
        part = [tree.add([key]) for key in wanted]
        tree.forbidden.update(envelopes)
        kind: Any = tree.struct("Header", sample)
        many = list[kind] | msgspec.UnsetType
        wrapper = msgspec.defstruct("Wrapper", [("Records", many, UNSET), ("records", many, UNSET)])
        self.array = msgspec.json.Decoder(list[kind])
        self.wrapper: msgspec.json.Decoder[Any] = msgspec.json.Decoder(wrapper)
        self.line = msgspec.json.Decoder(kind)
        self.part = _getter(part)
        """Header -> tuple of the values of what is wanted."""

    def answers(self, headers: Sequence[Any], known: Callable[[Any], Any]) -> list[Any]:
        """`known` of the values at the exact paths (a tuple), for each header."""
        if self._usual:
            try:
                return list(map(known, map(self._values, headers)))
            except AttributeError:  # null stands on the way to a value, as it will again
                self._usual = False
        return list(map(known, self.exact(headers)))

    def exact(self, headers: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
        """The values at the exact paths, a tuple for each header."""
        if not self._exact:
            return [()] * len(headers)
        return zip(*[_column(headers, place) for place in self._exact], strict=True)

    def column(self, headers: Sequence[Any], number: int) -> list[Any]:
        """The values at the first path that exists of one of the extra ones, of all headers."""
        first, *others = self._extra[number]
        found = _column(headers, first)
        for place in others:
            if not found.count(UNSET):
                break
            more = _column(headers, place)
            found = [b if a is UNSET else a for a, b in zip(found, more, strict=True)]
        return found

    def told(self, headers: Sequence[Any], paths: Iterable[str]) -> dict[str, list[Any]]:
        """The values at some of the paths, of all headers."""
        return {path: _column(headers, self._places[path]) for path in paths}

    def beside(self, headers: Sequence[Any], number: int) -> list[Any]:
        """The values of one of the keys, of all headers; UNSET where there is no such key."""
        return list(map(attrgetter(self._beside[number]), headers))

    def values(self, header: Any) -> tuple[Any, ...]:
        """The values at the exact paths of one header."""
        return next(iter(self.exact([header])))

    def finder(self, paths: Iterable[str]) -> Callable[[Any], list[Any]]:
        """For some of the paths, of which the first that exists counts: header -> values."""
        every = [_finder(self._places[path]) for path in paths]
        if len(every) == 1:
            return every[0]
        return lambda header: next((found for find in every if (found := find(header))), [])


class _Tree:
    """Keys at one level of a record: leaves, inner levels, and what must not be there."""

    def __init__(self) -> None:
        self.leaves: dict[str, str] = {}
        self.inner: dict[str, tuple[str, _Tree]] = {}
        self.maybe: set[str] = set()
        self.forbidden: set[str] = set()

    def add(self, parts: list[str]) -> str:
        """Make room for the path; returns the attributes that lead to its value."""
        key, rest = parts[0], parts[1:]
        if not rest:
            return self.leaves.setdefault(key, f"f{len(self.leaves)}")
        name, below = self.inner.setdefault(key, (f"n{len(self.inner)}", _Tree()))
        return f"{name}.{below.add(rest)}"

    def beside(self, key: str) -> str:
        """The attribute that is UNSET when the top-level key is absent."""
        if key in self.inner:
            self.maybe.add(key)
            return self.inner[key][0]
        return self.add([key])

    def forbid_dotted(self, parts: list[str]) -> None:
        """The path must not be reached by keys that themselves contain dots."""
        dotted = (".".join(parts[:end]) for end in range(2, len(parts) + 1))
        self.forbidden.update(dotted)
        if parts[0] in self.inner:
            self.inner[parts[0]][1].forbid_dotted(parts[1:])

    def struct(self, name: str, sample: Any) -> type[msgspec.Struct]:
        """The type for this level. Fields stand as keys do in the sample: met soonest so."""
        found: dict[str, Any] = {k: (place, Any, UNSET) for k, place in self.leaves.items()}
        sample = sample if isinstance(sample, dict) else {}
        for key, (attribute, below) in self.inner.items():
            kind: Any = below.struct(f"{name}_{attribute}", sample.get(key))
            nothing = UNSET if key in self.maybe else kind()
            found[key] = (attribute, kind | msgspec.UnsetType | None, nothing)
        order = {key: number for number, key in enumerate(sample)}
        fields = [found[key] for key in sorted(found, key=lambda key: order.get(key, len(order)))]
        names = {field[0]: key for key, field in found.items()}
        for number, key in enumerate(sorted(self.forbidden - found.keys())):
            fields.append((f"x{number}", Impossible | msgspec.UnsetType, UNSET))
            names[f"x{number}"] = key
        return msgspec.defstruct(name, fields, rename=names, gc=False, frozen=True)


def decode(data: bytes, layout: Layout, *, listed: bool) -> list[Any] | None:
    """The headers of all records of a chunk; None when it must go the slow way."""
    try:
        if not data.isascii():
            data.decode()
        if not listed:
            return _lines(data, layout)
        if data[:1] == b"[":
            return layout.array.decode(data)
        wrapper = layout.wrapper.decode(data)
        found = [many for many in (wrapper.Records, wrapper.records) if many is not UNSET]
        return found[0] if len(found) == 1 else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def raws(data: bytes, *, listed: bool) -> list[Any]:
    """The bytes of all records of a chunk that `decode` could read."""
    if not listed:
        return data.split(b"\n")
    if data[:1] == b"[":
        return _RAWS.decode(data)
    wrapper = _RAW_WRAPPER.decode(data)
    found: Any = wrapper.records if wrapper.Records is UNSET else wrapper.Records
    return list(found)


def _lines(data: bytes, layout: Layout) -> list[Any] | None:
    """One header a line; None when some line holds none, so that lines can't be counted so."""
    found = layout.line.decode_lines(data)
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    return found if len(found) == lines else None


def _column(headers: Sequence[Any], place: str) -> list[Any]:
    """The values at a place, level by level: null or nothing on the way gives UNSET."""
    try:
        return list(map(attrgetter(place), headers))
    except AttributeError:
        found = list(headers)
    for attribute in place.split("."):
        get = attrgetter(attribute)
        try:
            found = list(map(get, found))
        except AttributeError:
            found = [UNSET if v is None or v is UNSET else get(v) for v in found]
    return found


def _finder(place: str) -> Callable[[Any], list[Any]]:
    """What core.detect.values.finder is for a whole record."""
    attributes = place.split(".")

    def find(header: Any) -> list[Any]:
        for attribute in attributes:
            if header is None or header is UNSET:
                return []
            header = getattr(header, attribute)
        return [] if header is UNSET else [header]

    return find


def _getter(places: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """attrgetter, but always to a tuple."""
    if len(places) > 1:
        return attrgetter(*places)
    if not places:
        return lambda header: ()
    one = attrgetter(places[0])
    return lambda header: (one(header),)


class _RawWrapper(msgspec.Struct):
    Records: list[msgspec.Raw] | msgspec.UnsetType = UNSET
    records: list[msgspec.Raw] | msgspec.UnsetType = UNSET


_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_WRAPPER = msgspec.json.Decoder(_RawWrapper)
