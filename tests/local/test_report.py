"""The HTML page: complete in itself, and deaf to whatever an event says."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import msgspec
import pytest

from core.audit import ChainVerdict
from core.model import Action, Actor, Attack, Decision, Event, Finding, Resource, Rule, Target
from core.report import Head, Response, count_by_level, render, response

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z
HOSTILE = "<script>alert(1)</script><img src=x onerror='a'>\" \u202eexe \x1b[31m \u2028"


def finding(number: int = 0, level: str = "high", **fields: object) -> Finding:
    rule = Rule(
        id=f"rule-{level}",
        title=f"Something {level}",
        level=level,
        attacks=(Attack(tactic="persistence", technique="T1098.001"),),
    )
    event = Event(
        uid=f"event-{number}", time=NOON, source="aws/cloudtrail", provider="aws",
        operation="CreateAccessKey", record={"eventName": "CreateAccessKey", "number": number},
    )  # fmt: skip
    values = {
        "uid": f"finding-{number}", "rule": rule, "level": level, "title": rule.title,
        "time": NOON + number * 60_000, "last_seen": NOON + number * 60_000, "found_at": NOON,
        "provider": "aws", "actor": Actor(uid="arn:aws:iam::123456789012:user/dana", name="dana"),
        "evidence": (event,),
    }  # fmt: skip
    return Finding(**{**values, **fields})


def action(uid: str = "a1", **fields: object) -> Action:
    target = Target(kind="access_key", uid="AKIAIOSFODNN7EXAMPLE", provider="aws")
    values = {
        "uid": uid, "verb": "disable_access_key", "target": target, "finding": "finding-0",
        "rule": "rule", "title": "Key made", "level": "high", "event_time": NOON,
        "requested_at": NOON,
    }  # fmt: skip
    return Action(**{**values, **fields})


def decision(verdict: str, *because: str) -> Decision:
    return Decision(action="a1", verdict=verdict, because=because, policy="p", at=NOON)


def page(findings=(), responses=(), chains=(), **head) -> str:
    return render(Head(**{"title": "Test", "at": NOON, **head}), findings, responses, chains)


class Tags(HTMLParser):
    """Every tag with its attributes, and the text outside the style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def hostile_page() -> str:
    event = Event(
        uid=HOSTILE, time=NOON, source="aws/cloudtrail", provider="aws", operation=HOSTILE,
        record={"userAgent": HOSTILE, HOSTILE: [HOSTILE]},
    )  # fmt: skip
    bad = finding(
        title=HOSTILE, actor=Actor(uid=HOSTILE, name=HOSTILE, credential=HOSTILE), ip=HOSTILE,
        resources=(Resource(uid=HOSTILE, name=HOSTILE),), evidence=(event,), account=HOSTILE,
        rule=Rule(id=HOSTILE, title=HOSTILE, description=HOSTILE, respond=(HOSTILE,),
                  attacks=(Attack(tactic=HOSTILE, technique=HOSTILE),)),
    )  # fmt: skip
    target = Target(kind="access_key", uid=HOSTILE, provider="aws")
    done = Response(
        action=action(target=target, title=HOSTILE, verb=HOSTILE), state="changed",
        decision=decision("run", HOSTILE), reason=HOSTILE,
        before={HOSTILE: HOSTILE}, wanted={}, after={"a": HOSTILE},
    )  # fmt: skip
    chain = ChainVerdict(chain="detect", records=1, broken=2, reason=HOSTILE)
    states = ((HOSTILE, {HOSTILE: HOSTILE}),)
    return page(
        [bad], [done], [chain],
        title=HOSTILE, notes=(HOSTILE,), tally={HOSTILE: HOSTILE}, states=states,
    )  # fmt: skip


def test_hostile_text_makes_no_tag_and_no_attribute():
    names = {tag for tag, _ in Tags(hostile_page()).tags}
    attributes = {name for _, attrs in Tags(hostile_page()).tags for name in attrs}
    assert not names & {"script", "img"}
    assert not {name for name in attributes if name.startswith("on")}


def test_characters_that_hide_or_reorder_text_are_spelled_out():
    text = hostile_page()
    assert not {"\u202e", "\x1b", "\u2028"} & set(text)
    assert "\\u202e" in text
    assert "<script>alert(1)</script>" in "".join(Tags(text).text)


def test_the_page_fetches_nothing_and_its_policy_says_so():
    tags = Tags(page([finding()], [Response(action=action(), state="held")]))
    loads = [value for _, attrs in tags.tags for name, value in attrs.items()
             if name in ("src", "srcset", "data", "action")]  # fmt: skip
    links = [attrs["href"] for _, attrs in tags.tags if "href" in attrs]
    [policy] = [attrs["content"] for _, attrs in tags.tags if attrs.get("http-equiv")]
    assert loads == []
    assert all(link.startswith("#") for link in links)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not any("style" in attrs for _, attrs in tags.tags)


def test_the_policy_allows_this_very_style_and_no_other():
    text = page([finding()])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in text


def test_states_stand_in_columns_of_their_moments():
    text = page(states=(("Before", {"Sink": "on"}), ("After", {"Sink": "off"})))
    cells = [cell.strip() for cell in Tags(text).text if cell.strip()]
    assert cells[cells.index("Thing") :][:6] == ["Thing", "Before", "After", "Sink", "on", "off"]
    assert "States" not in "".join(Tags(page()).text)


def test_every_finding_is_there_with_its_evidence():
    text = page([finding(1), finding(2, "low")])
    assert text.count('<details class="finding') == 2
    assert "&#34;number&#34;: 1" in text
    assert "&#34;number&#34;: 2" in text


def test_the_bars_add_up_to_the_findings():
    found = [finding(number % 50, "high" if number % 3 else "low") for number in range(200)]
    bars = re.findall(r"<title>[^<]*UTC: (\d+) (\w+)</title>", page(found))
    sums = {level: sum(int(n) for n, of in bars if of == level) for level in ("high", "low")}
    assert sums == {"high": 133, "low": 67}


@pytest.mark.parametrize("spread", [0, 1, 59_000, 3_600_000, 86_400_000, 400 * 86_400_000])
def test_any_spread_of_time_gives_a_chart_with_a_sane_number_of_bars(spread):
    text = page([finding(0), finding(1, time=NOON + spread)])
    places = {float(x) for x in re.findall(r'class="bar \w+" x="([\d.]+)"', text)}
    assert 1 <= len(places) <= 2
    assert max(places) <= 952


def test_findings_without_a_time_are_shown_without_one():
    text = page([finding(time=0, last_seen=0)])
    assert "1970" not in text
    assert "None of the findings has a time" in text


def test_more_findings_than_fit_are_counted_and_the_gravest_kept():
    found = [finding(number, "low") for number in range(1005)] + [finding(9999, "critical")]
    text = page(found)
    assert text.count('<details class="finding') == 1000
    assert '<details class="finding critical' in text
    assert "6 more are not" in text


def test_no_findings_is_said_with_what_it_does_not_mean():
    assert "No findings" in page()


def test_a_changed_action_shows_what_went_and_what_came():
    done = Response(
        action=action(), state="changed", decision=decision("run", "policy: auto"),
        before={"status": "Active"}, wanted={"status": "Inactive"}, after={"status": "Inactive"},
    )  # fmt: skip
    text = page([finding()], [done])
    assert '<span class="gone">  &#34;status&#34;: &#34;Active&#34;</span>' in text
    assert '<span class="new">  &#34;status&#34;: &#34;Inactive&#34;</span>' in text
    assert "run: policy: auto" in text
    assert "vigil actions undo a1" in text


def test_an_action_that_was_taken_back_says_whether_the_former_state_is_back():
    done = Response(action=action(), state="undone", before={"a": 1}, wanted={}, after={})
    undo = Response(
        action=action("a2", undoes="a1", requested_by="dana"), state="changed",
        before={}, wanted={"a": 1}, after={"a": 1},
    )  # fmt: skip
    other = msgspec.structs.replace(undo, after={"a": 2})
    assert "exactly the former one" in page([], [done, undo])
    assert "exactly the former one" not in page([], [done, other])
    assert page([], [done, undo]).count("<article") == 1


def test_a_refused_action_says_why_and_shows_no_states():
    refused = Response(action=action(), state="refused", decision=decision("refuse", "protected"))
    text = page([], [refused])
    assert "refuse: protected" in text
    assert "Before" not in text


def test_an_absent_thing_is_a_state_and_not_a_gap():
    done = Response(action=action(), state="changed", before=None, wanted={"a": 1}, after={"a": 1})
    assert "(absent)" in page([], [done])


def test_a_broken_chain_names_its_first_broken_record():
    text = page([], [], [ChainVerdict(chain="respond", records=3, broken=4, reason="was changed")])
    assert "4: was changed" in text
    assert ">broken<" in text


def test_a_response_is_read_from_what_respond_stored():
    stored = {
        "action": msgspec.to_builtins(action()), "state": "held", "lease": 0, "done": [],
        "attempt": 1, "decision": msgspec.to_builtins(decision("hold", "policy: approve")),
    }  # fmt: skip
    assert response(stored) == Response(
        action=action(), state="held", decision=decision("hold", "policy: approve")
    )


def test_every_level_is_counted():
    assert list(count_by_level([finding()]).values()) == [0, 0, 0, 1, 0]
