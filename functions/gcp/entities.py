"""Whom a log entry is about: its project and its caller, and where it has the caller's address.

Each is a function of the entry that reads a few paths of it, so that one can be told without the
others. What a whole entry says is events/entries.py's affair. Text in an entry is hostile and of
any shape: a field of a wrong kind counts as absent.
"""

from __future__ import annotations

from core.model import NativeRecord
from core.native import first

__all__ = ["ACCOUNT", "CALLER", "CALLER_IP", "account", "caller", "caller_name"]

ACCOUNT = ("logName", "resource.labels.project_id")

SUBJECT = "protoPayload.authenticationInfo.principalSubject"
EMAIL = "protoPayload.authenticationInfo.principalEmail"

CALLER = (SUBJECT, EMAIL)

CALLER_IP = "protoPayload.requestMetadata.callerIp"
"""An address, `private` or `gce-internal-ip`."""


def account(record: NativeRecord) -> str:
    """The project that owns the entry, else `organizations/1`, `folders/1`, `billingAccounts/A`."""
    kind, _, rest = first(record, "logName").partition("/")
    owner = rest.partition("/")[0]
    if kind == "projects" and owner:
        return owner
    return first(record, "resource.labels.project_id") or (f"{kind}/{owner}" if owner else "")


def caller(record: NativeRecord) -> str:
    """The caller's uid. Google leaves it out of some denied calls; then nobody is named."""
    return first(record, SUBJECT, EMAIL)


def caller_name(record: NativeRecord) -> str:
    """The caller's name: an address where there is one."""
    return first(record, EMAIL, SUBJECT)
