"""The quick way through a chunk: only headers are decoded, and records opened where need be.

For a source (or raw records) a struct type is made of the header's fields, nested as they are in
the record, and msgspec decodes a whole chunk into a list of them, checking all of its JSON on the
way. Wherever a record is not as the type expects (another shape on the way to a field, an envelope,
a key that contains dots), decoding fails, and the chunk goes the slow way: quick or exact is never
the choice. It knows nothing of files, nor of what rules look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Annotated, Any

import msgspec

__all__ = ["ENVELOPES", "UNSET", "Layout", "decode", "raws"]

UNSET = msgspec.UNSET

Impossible = Annotated[str, msgspec.Meta(min_length=1, max_length=0)]
"""A type that no value has: where it stands, the key must be absent or decoding fails."""

ENVELOPES = ("Records", "records", "detail-type")
"""Keys of what must be unwrapped first."""


class Layout:
    """A struct for headers: some paths into a record, and some top-level keys beside them."""

    def __init__(
        self,
        exact: Iterable[str],
        extra: Iterable[str],
        keys: Iterable[str],
        wanted: Iterable[str],
        envelopes: Iterable[str],
    ) -> None:
        tree = _Tree()
        self._places = [tree.add(path.split(".")) for path in exact]
        self._extra = [tree.add(path.split(".")) for path in extra]
        self._getters = [attrgetter(place) for place in self._extra]
        for path in (*exact, *extra):
            tree.forbid_dotted(path.split("."))
        beside = [tree.beside(key) for key in keys]
        part = [tree.add([key]) for key in wanted]
        tree.forbidden.update(envelopes)
        kind: Any = tree.struct("Header")
        many = list[kind] | msgspec.UnsetType
        wrapper = msgspec.defstruct("Wrapper", [("Records", many, UNSET), ("records", many, UNSET)])
        self.array = msgspec.json.Decoder(list[kind])
        self.wrapper: msgspec.json.Decoder[Any] = msgspec.json.Decoder(wrapper)
        self.line = msgspec.json.Decoder(kind)
        self.values = _getter(self._places)
        """Header -> tuple of the values at the exact paths. AttributeError: see `careful`."""
        self.beside = _getter(beside)
        """Header -> tuple of the values of the keys."""
        self.part = _getter(part)
        """Header -> tuple of the values of what is wanted."""

    def careful(self, header: Any) -> tuple[Any, ...]:
        """The same as `values` where null or nothing stands on the way to a value."""
        return tuple(_follow(header, place) for place in self._places)

    def column(self, headers: Iterable[Any], number: int) -> list[Any]:
        """The values at one of the extra paths, of all headers."""
        try:
            return list(map(self._getters[number], headers))
        except AttributeError:
            return [_follow(header, self._extra[number]) for header in headers]


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

    def struct(self, name: str) -> type[msgspec.Struct]:
        """The type for this level."""
        fields: list[Any] = [(attribute, Any, UNSET) for attribute in self.leaves.values()]
        names = {attribute: key for key, attribute in self.leaves.items()}
        for key, (attribute, below) in self.inner.items():
            kind: Any = below.struct(f"{name}_{attribute}")
            nothing = UNSET if key in self.maybe else kind()
            fields.append((attribute, kind | msgspec.UnsetType | None, nothing))
            names[attribute] = key
        for number, key in enumerate(sorted(self.forbidden - set(names.values()))):
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


def _follow(header: Any, place: str) -> Any:
    for attribute in place.split("."):
        if header is None or header is UNSET:
            return UNSET
        header = getattr(header, attribute)
    return header


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
