"""What every Queue and every Rejects promises, asked of each."""

from __future__ import annotations

import pytest

from core.errors import VigilError
from core.model import Action, Rejected, Target

HOSTILE = ["\x1b[2J\r\n\x00", "Ω 🔥 \u202e", "\uffff\ufffe", "<script>", '"}]', "x" * 50_000]


def action(uid, text="a title"):
    return Action(
        uid=uid,
        verb="disable_access_key",
        target=Target(
            kind="access_key",
            uid="AKIAIOSFODNN7EXAMPLE",
            provider="aws",
            args={"user_name": text, "nested": [{"port": 22}, None]},
        ),
        finding="f1",
        rule="r1",
        title=text,
        level="high",
        event_time=1,
        requested_at=2,
    )


def test_an_action_comes_out_as_it_went_in(queue):
    put, drain = queue
    put(action("a1"))
    assert drain() == [action("a1")]


def test_no_action_is_lost(queue):
    put, drain = queue
    actions = [action(f"a{number}") for number in range(12)]
    for each in actions:
        put(each)
    assert sorted(each.uid for each in drain()) == sorted(each.uid for each in actions)


def test_the_same_action_may_be_put_twice(queue):
    put, drain = queue
    put(action("a1"))
    put(action("a1"))
    assert action("a1") in drain()


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_of_an_event_goes_through_a_queue(queue, text):
    put, drain = queue
    put(action("a1", text))
    assert drain() == [action("a1", text)]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_goes_into_the_rejects(rejects, text):
    put, drain = rejects
    rejected = [Rejected(reason=text, place=f"object {number}", excerpt=text) for number in (1, 2)]
    for each in rejected:
        put(each)
    assert sorted(drain(), key=lambda each: each.place) == rejected


def test_what_a_queue_refuses_is_an_error_of_ours(aws_client):
    from functions.aws.adapters import sqs_queue

    missing = aws_client("sqs").meta.endpoint_url + "/123456789012/no-such-queue"
    with pytest.raises(VigilError):
        sqs_queue(aws_client("sqs"), missing)(action("a1"))
