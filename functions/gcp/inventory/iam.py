"""Keys of service accounts, as posture events.

When a key was last used is the Activity Analyzer's to say, which lags by a day or two and must be
enabled by itself: https://cloud.google.com/iam/docs/service-account-recent-usage. What it doesn't
list is unknown. Keys that Google keeps and rotates itself are nobody's to look after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import Forbidden, NotFound
from core.model import Event
from functions.gcp.inventory.look import Look, Place, days, listed
from functions.gcp.rest import Request, path

__all__ = ["access_keys"]

USE = "v1/projects/{project}/locations/global/activityTypes/{type}/activities:query"


def access_keys(place: Place) -> Iterator[Event]:
    """User-managed keys of all service accounts. `last_used_days` is null for one never used."""
    used = _used(place)
    where = path("v1/projects/{project}/serviceAccounts", project=place.project)
    for account in listed(place.call, Request("GET", "iam", where), "accounts"):
        try:
            keys = list(_keys(place, account["name"]))
        except NotFound:
            continue  # deleted while we looked
        for key in keys:
            look = _look(place, account, key)
            name = key["name"].rpartition("/")[2]
            if used is None or name not in used:
                look.unknown += ["last_used_days", "never_used"]
            else:
                last = used[name]
                look.attributes["last_used_days"] = days(place, last) if last else None
                look.attributes["never_used"] = not last
            yield look.event(
                place, "access_key", id=f"//iam.googleapis.com/{key['name']}", name=name
            )


def _keys(place: Place, account: str) -> Iterator[Mapping[str, Any]]:
    where = path("v1/{+name}/keys", name=account)
    query = {"keyTypes": "USER_MANAGED"}
    return listed(place.call, Request("GET", "iam", where, query), "keys")


def _look(place: Place, account: Mapping[str, Any], key: Mapping[str, Any]) -> Look:
    """An account that is disabled takes its keys with it."""
    expires = key.get("validBeforeTime", NEVER)
    expired = days(place, expires) >= 0
    off = key.get("disabled", False) or account.get("disabled", False)
    look = Look(
        owner=f"serviceAccount:{account['email']}",
        owner_type="service",
        is_user_managed=True,
        active=not off and not expired,
        expires_at=None if expires == NEVER else expires,
    )
    if made := key.get("validAfterTime"):
        look.attributes["age_days"] = days(place, made)
    else:
        look.unknown.append("age_days")
    return look


def _used(place: Place) -> Mapping[str, str] | None:
    """Id of a key -> when it was last used, "" if never; None if that can't be read."""
    where = path(USE, project=place.project, type="serviceAccountKeyLastAuthentication")
    request = Request("GET", "policyanalyzer", where, {"pageSize": "1000"})
    try:
        return {
            each["fullResourceName"].rpartition("/")[2]: each["activity"].get(
                "lastAuthenticatedTime", ""
            )
            for each in listed(place.call, request, "activities")
        }
    except Forbidden:
        return None


NEVER = "9999-12-31T23:59:59Z"
"""How a key says that it does not expire."""
