"""Service accounts: the verbs that disable one of their keys, or the account with its sessions.

State: {"disabled": bool}. What disabling an account means for its tokens, and why users' sessions
are not reached, is in docs/decisions/0091-what-the-verbs-of-google-cloud-change.md.
https://cloud.google.com/iam/docs/service-accounts-disable-enable,
https://cloud.google.com/iam/docs/keys-disable-enable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import NotFound, Reject
from core.model import State, Target
from functions.gcp.actions.lens import Clients, Document, Lens, arg, own, there
from functions.gcp.rest import Request, path

__all__ = ["DISABLE_ACCESS_KEY", "REVOKE_SESSIONS"]


def _read_key(clients: Clients, target: Target) -> State:
    key = _got(clients, target, _key(target))
    if key.get("keyType") == "SYSTEM_MANAGED":
        raise Reject(f"{target.uid} is a key that Google keeps; nobody can disable it")
    return {"disabled": key.get("disabled", False)}


def _read_account(clients: Clients, target: Target) -> State:
    return {"disabled": _account(clients, target, _name(target)).get("disabled", False)}


def _want(target: Target, before: State, at: int) -> State:
    return {"disabled": True}


def _write_key(clients: Clients, target: Target, old: State, new: State) -> None:
    _switch(clients, target, _key(target), old, new)


def _write_account(clients: Clients, target: Target, old: State, new: State) -> None:
    _switch(clients, target, _name(target), old, new)


def _switch(clients: Clients, target: Target, name: str, old: State, new: State) -> None:
    if old == new:
        return
    verb = "disable" if there(new)["disabled"] else "enable"
    clients(target.account)(
        Request("POST", "iam", path(f"v1/{{+name}}:{verb}", name=name), body={})
    )


def _key_facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal`: the account's e-mail address; a log may name it by number."""
    return _principal(clients, target, _key(target).partition("/keys/")[0])


def _account_facts(clients: Clients, target: Target) -> Mapping[str, Any]:
    """`principal`: the same."""
    return _principal(clients, target, _name(target))


def _principal(clients: Clients, target: Target, name: str) -> Mapping[str, Any]:
    return {"principal": f"serviceAccount:{_account(clients, target, name)['email']}"}


def _account(clients: Clients, target: Target, name: str) -> Document:
    """The account as IAM has it, which is asked whose it is as well."""
    account = _got(clients, target, name)
    if account["projectId"] != target.account:
        raise NotFound(f"project {target.account} has no service account {account['email']}")
    return account


def _got(clients: Clients, target: Target, name: str) -> Document:
    answer = clients(target.account)(Request("GET", "iam", path("v1/{+name}", name=name)))
    document: Document = answer.json
    return document


def _key(target: Target) -> str:
    return own(target, arg(target, "key"))


def _name(target: Target) -> str:
    return own(target, arg(target, "service_account"))


DISABLE_ACCESS_KEY = Lens(_read_key, _want, _write_key, _key_facts)
REVOKE_SESSIONS = Lens(_read_account, _want, _write_account, _account_facts)
