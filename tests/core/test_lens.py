"""What a platform's verbs are written with, on clients that are a list."""

from __future__ import annotations

import pytest

from core.errors import Reject
from core.lens import Lens, arg, there, verbs
from core.model import Target

TARGET = Target(
    kind="access_key",
    provider="aws",
    uid="key",
    args={"user": "alice", "empty": "", "number": 7},
)


def test_a_verb_calls_with_the_clients_that_it_was_given():
    calls = []
    lens = Lens[list](
        read=lambda clients, target: clients.append(("read", target)) or {"on": True},
        want=lambda target, before, now: {"on": False},
        write=lambda clients, target, before, after: clients.append((before, after)),
    )
    verb = verbs({"disable": lens}, calls)["disable"]
    before = verb.read(TARGET)
    verb.write(TARGET, before, verb.want(TARGET, before, 0))
    assert calls == [("read", TARGET), ({"on": True}, {"on": False})]
    assert verb.facts(TARGET) == {}


def test_an_argument_is_a_text_that_the_target_has():
    assert arg(TARGET, "user") == "alice"


@pytest.mark.parametrize("name", ["empty", "number", "absent"])
def test_a_target_without_the_text_is_rejected(name):
    with pytest.raises(Reject, match=f"target key of kind access_key lacks {name}"):
        arg(TARGET, name)


def test_a_state_that_must_be_there_is_rejected_when_it_is_absent():
    assert there({"on": True}) == {"on": True}
    with pytest.raises(Reject):
        there(None)
