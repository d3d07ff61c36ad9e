"""Sessions of a user: the verb that makes all refresh tokens and cookies of a user invalid.

State: {"ended": bool}, whether the sessions that the user had at the time of the event (`since` of
the target, epoch ms) are void: Graph says from when on sessions are valid. The moment itself is
not in the state: it is the service's clock that sets it. What was ended can't be given back;
access tokens that are out live on for up to an hour or so, except where an application evaluates
access continuously.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.errors import Reject
from core.model import State, Target
from functions.azure.actions.lens import Clients, Document, Lens, graph, guid, there

__all__ = ["REVOKE_SESSIONS"]


def _read(clients: Clients, target: Target) -> State:
    user, since = _user(clients, target), target.args.get("since")
    if not isinstance(since, int):
        raise Reject(f"target {target.uid} of kind {target.kind} lacks since")
    valid_from = user.get("signInSessionsValidFromDateTime")
    return {"ended": bool(valid_from) and _milliseconds(str(valid_from)) > since}


def _want(target: Target, before: State, at: int) -> State:
    return {"ended": True}


def _write(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    if not there(new)["ended"]:
        raise Reject(f"{target.uid}: sessions that were ended can't be brought back; sign in again")
    graph(clients, target, "POST", f"/users/{_user(clients, target)['id']}/revokeSignInSessions")


def _facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal`: the user's name (UPN) as the directory has it; a log may have an older one."""
    return {"principal": _user(clients, target)["userPrincipalName"]}


def _user(clients: Clients, target: Target) -> Document:
    """The user. Reject for a guest: their sessions are kept by the tenant they come from."""
    user = graph(clients, target, "GET", f"/users/{guid(target, 'user')}", select=FIELDS)
    if str(user.get("userType")).lower() == "guest":
        raise Reject(f"{target.uid} is a guest: only their home tenant can end their sessions")
    return user


def _milliseconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise Reject(f"{text!a} is no time of Graph") from error


FIELDS = "id,userPrincipalName,userType,signInSessionsValidFromDateTime"

REVOKE_SESSIONS = Lens(_read, _want, _write, _facts)
