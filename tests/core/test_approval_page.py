"""The page behind an approval link: looking changes nothing, and it shows no markup of an event."""

from __future__ import annotations

import pytest

from core.approval import Plan
from core.approval_page import HEADERS, answer
from core.errors import BadToken, Conflict
from core.model import Action, Target

HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'&"
ACTION = Action(
    uid="a",
    verb="disable_access_key",
    target=Target(kind="access_key", uid=HOSTILE, provider="aws", principal=HOSTILE),
    finding="f",
    rule="r",
    title=HOSTILE,
    level="high",
    event_time=0,
    requested_at=0,
)


class Desk:
    def __init__(self, state: str = "held") -> None:
        self.state, self.decided = state, []

    def show(self, token):
        if token != "good":
            raise BadToken("not a token of this deployment")
        return Plan(action=ACTION, because=(HOSTILE,), state=self.state, expires=1_700_000_000_000)

    def decide(self, token, word):
        self.show(token)
        self.decided.append(word)
        return word.released

    def ask(self, method, token="good", **form):
        return answer(method, token, form, show=self.show, decide=self.decide)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_fetching_the_link_shows_the_plan_and_changes_nothing(method):
    desk = Desk()
    page = desk.ask(method, decision="approve", by="a chat program")
    assert page.status == 200
    assert desk.decided == []
    assert "disable_access_key" in page.body


def test_no_markup_of_an_event_reaches_the_page():
    page = Desk().ask("GET")
    assert "<img" not in page.body
    assert "\u202e" not in page.body
    assert "&lt;img src=x onerror=alert(1)&gt;\\u202e" in page.body


def test_posting_the_form_decides_and_names_the_person():
    desk = Desk()
    assert desk.ask("POST", decision="approve", by=" alice\n").status == 200
    assert desk.ask("POST", decision="deny", by="bob").status == 200
    assert [(word.yes, word.by) for word in desk.decided] == [(True, "alice"), (False, "bob")]


@pytest.mark.parametrize("form", [{}, {"decision": "yes", "by": "a"}, {"decision": "approve"}])
def test_half_a_form_decides_nothing(form):
    desk = Desk()
    assert desk.ask("POST", **form).status == 400
    assert desk.decided == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_bad_token_is_forbidden(method):
    assert Desk().ask(method, token="bad", decision="approve", by="a").status == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "", "OPTIONS"])
def test_other_methods_are_refused(method):
    assert Desk().ask(method).status == 405


def test_two_who_decide_at_once_are_told():
    desk = Desk()

    def late(*_):
        raise Conflict("lost")

    desk.decide = late
    assert desk.ask("POST", decision="approve", by="a").status == 409


def test_what_is_decided_has_no_form():
    assert "<form" in Desk().ask("GET").body
    assert "<form" not in Desk("approved").ask("GET").body


def test_the_page_may_load_and_run_nothing():
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]
    assert "<script" not in Desk().ask("GET").body
