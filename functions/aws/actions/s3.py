"""The block of public access of a bucket or an account: the verb that turns it on.

State: the four flags of the PublicAccessBlockConfiguration, None where none was ever set.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from core.model import State, Target
from functions.aws.actions.lens import Clients, Document, Lens, arg
from functions.aws.adapters import calling

__all__ = ["BLOCK_PUBLIC_STORAGE"]

PUBLIC_FLAGS = (
    "BlockPublicAcls",
    "BlockPublicPolicy",
    "IgnorePublicAcls",
    "RestrictPublicBuckets",
)


def _read_block(clients: Clients, target: Target) -> State:
    client, which = _storage(clients, target)
    with calling():
        try:
            found = client.get_public_access_block(**which)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
                raise
            return None
    return {flag: found.get(flag, False) for flag in PUBLIC_FLAGS}


def _want_block(target: Target, before: State, at: int) -> State:
    return dict.fromkeys(PUBLIC_FLAGS, True)


def _write_block(clients: Clients, target: Target, old: State, new: State) -> None:
    if old == new:
        return
    client, which = _storage(clients, target)
    with calling():
        if new is None:
            client.delete_public_access_block(**which)
        else:
            client.put_public_access_block(**which, PublicAccessBlockConfiguration=dict(new))


def _storage(clients: Clients, target: Target) -> tuple[Any, Document]:
    """The client and the arguments that name the bucket or the account.

    A bucket's name may have been taken over by another account since: S3 is told whose it must be.
    """
    if "account_id" in target.args:
        client = clients("s3control", target.region, target.account)
        return client, {"AccountId": arg(target, "account_id")}
    owner = {"ExpectedBucketOwner": target.account} if target.account else {}
    return clients("s3", target.region, target.account), {"Bucket": arg(target, "bucket"), **owner}


BLOCK_PUBLIC_STORAGE = Lens(_read_block, _want_block, _write_block)
