"""Is an address in one of some networks? However many they are, it is read once and looked up.

It knows nothing of fields or records.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from ipaddress import ip_network
from typing import Any, TypeAlias

from core.detect import values

__all__ = ["Networks"]


class Networks:
    """Networks by version and length of prefix, each as the prefix that it is."""

    def __init__(self, networks: Iterable[str]) -> None:
        # Imported when a rule first names a network: cold starts are short.
        from socket import AF_INET, inet_pton

        self._ipv4 = partial(inet_pton, AF_INET)
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for one in map(ip_network, networks):
            lengths = self._prefixes[one.version]
            beyond = one.max_prefixlen - one.prefixlen
            lengths.setdefault(one.prefixlen, set()).add(int(one.network_address) >> beyond)

    def hold(self, value: Any) -> bool:
        """Is the value an address, or a network that lies wholly, within one of them?"""
        if not isinstance(value, str):
            return False
        found: _Range | None
        try:  # most are addresses of IPv4, and those the system reads far quicker
            found = 4, 32, 32, int.from_bytes(self._ipv4(value))
        except (OSError, ValueError):
            found = _parsed(value) if len(value) < values.SHORT else None
        if found is None:
            return False
        version, bits, length, first = found
        for known, prefixes in self._prefixes[version].items():
            if known <= length and first >> (bits - known) in prefixes:
                return True
        return False


@lru_cache(maxsize=16_384)
def _parsed(value: str) -> _Range | None:
    """What the text means: the same few come again and again."""
    found = values.network(value)
    if found is None:
        return None
    return found.version, found.max_prefixlen, found.prefixlen, int(found.network_address)


_Range: TypeAlias = tuple[int, int, int, int]
"""Version, bits of an address, length of the prefix, first address."""
