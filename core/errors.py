"""Every error of Vigil, in one tree with two branches, split by who must act.

    VigilError
    ├── Retry                 the platform delivers again; nothing is recorded as final
    │   ├── Busy              another worker holds the lease on this finding or action
    │   ├── Conflict          a conditional write lost: somebody wrote first
    │   └── Unavailable       a service was throttled, down or not yet consistent
    └── Reject                never again: recorded with its reason and set aside
        ├── BadRecord         bytes or a record that can't be read
        ├── BadRule           a rule that can't be honoured; carries file and line
        ├── BadConfig         settings or policy; carries every fault at once
        ├── BadToken          an approval that is forged, expired or used
        ├── NotFound          what a verb should change does not exist
        ├── Drifted           the resource is no longer in the state the change left
        └── Forbidden         the cloud denied the call to Vigil's own role

The file knows nothing of clouds, rules or storage.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "BadConfig",
    "BadRecord",
    "BadRule",
    "BadToken",
    "Busy",
    "Conflict",
    "Drifted",
    "Forbidden",
    "NotFound",
    "Reject",
    "Retry",
    "Unavailable",
    "VigilError",
]


class VigilError(Exception):
    """The root; never raised itself."""


class Retry(VigilError):
    """The same input may succeed later: let the platform deliver it again."""


class Busy(Retry):
    """Another worker holds the lease; it will finish, or its lease will run out."""


class Conflict(Retry):
    """A conditional write or append found that somebody else had written first."""


class Unavailable(Retry):
    """A service did not answer, throttled, or does not show our own write yet."""


class Reject(VigilError):
    """The same input will never succeed: record the reason and set it aside."""


class BadRecord(Reject):
    """Bytes, an envelope or a record that can't be read."""


class BadRule(Reject):
    """A rule that can't be honoured. `line` is 1-based, 0 when the whole file is meant."""

    def __init__(self, reason: str, *, file: str = "", line: int = 0, hint: str = "") -> None:
        self.reason, self.file, self.line, self.hint = reason, file, line, hint
        place = f"{file}:{line}: " if line else f"{file}: " if file else ""
        super().__init__(f"{place}{reason}" + (f" ({hint})" if hint else ""))


class BadConfig(Reject):
    """Settings or policy that can't be used; `faults` holds every one found."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class BadToken(Reject):
    """An approval token that is forged, expired, used, or for another plan."""


class NotFound(Reject):
    """The resource that a verb should read or change does not exist."""


class Drifted(Reject):
    """The resource is no longer as the change left it; undoing would overwrite somebody's work."""


class Forbidden(Reject):
    """The cloud denied Vigil's own role a call that it needs."""
