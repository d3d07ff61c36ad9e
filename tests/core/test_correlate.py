"""Correlations by example: edges, ties, what is missing, several rules, chains, faults."""

from __future__ import annotations

import pytest

from core.correlate import (
    CAP,
    Condition,
    Correlation,
    Observation,
    Plan,
    all_of,
    any_of,
    correlate_all,
    doubts,
    faults,
    monotone,
    needed_fields,
    none_of,
    occurs,
    silent,
)
from core.errors import BadRule
from core.model import Rule, from_json, to_json

MINUTE = 60_000


def correlation(id="many", type="event_count", **more):
    more = {"rules": ("failed",), "timespan": 5 * MINUTE, "group_by": ("user",), **more}
    return Correlation(rule=Rule(id=id, title=id), type=type, **more)


def at_least(count, **more):
    return correlation(conditions=(Condition("gte", count),), **more)


def seen(minute, rule="failed", uid="", user="mallory", **values):
    time = int(minute * MINUTE)
    return Observation(
        rule=rule, uid=uid or f"{rule}-{time}", time=time, values={"user": user, **values}
    )


def minutes(*firings):
    """When each was complete, and by which event, in minutes."""
    return [(one.time / MINUTE, one.last / MINUTE) for one in firings]


# Windows


def test_a_window_includes_both_its_ends():
    rule = at_least(2)
    assert minutes(*correlate_all([rule], [seen(0), seen(5)])) == [(5, 5)]
    assert correlate_all([rule], [seen(0), seen(5.001)]) == ()


def test_a_window_slides_and_knows_no_full_hours():
    rule = at_least(3)
    assert minutes(*correlate_all([rule], [seen(3), seen(4), seen(6)])) == [(6, 6)]


def test_the_place_is_the_event_that_completed_it():
    firing, *_ = correlate_all([at_least(2)], [seen(0), seen(1), seen(2)])
    assert firing.completed_by == "failed-60000"
    assert firing.events == ("failed-0", "failed-60000", "failed-120000")
    assert (firing.first, firing.time, firing.last, firing.count) == (0, MINUTE, 2 * MINUTE, 3)


def test_of_events_of_the_same_time_the_first_by_uid_that_suffices_completed_it():
    found = correlate_all([at_least(2)], [seen(0, uid=uid) for uid in "dbca"])
    assert [one.completed_by for one in found] == ["b"]


def test_what_goes_on_is_one_firing_and_what_comes_back_after_a_timespan_another():
    times = [0, 1, 2, 6, 6.5, 11.5]
    found = correlate_all([at_least(2)], [seen(minute) for minute in times])
    assert minutes(*found) == [(1, 11.5)]
    times = [0, 1, 6.5, 6.6]
    found = correlate_all([at_least(2)], [seen(minute) for minute in times])
    assert minutes(*found) == [(1, 1), (6.6, 6.6)]
    assert len({one.uid for one in found}) == 2


def test_an_event_that_comes_twice_counts_once():
    assert correlate_all([at_least(2)], [seen(0), seen(0)]) == ()


def test_an_event_that_two_watched_rules_saw_counts_once():
    rule = at_least(2, rules=("failed", "odd"))
    assert correlate_all([rule], [seen(0, uid="e"), seen(0, "odd", uid="e")]) == ()


def test_fewer_than_is_asked_at_each_event():
    rule = correlation(conditions=(Condition("lt", 2),))
    assert minutes(*correlate_all([rule], [seen(0), seen(1), seen(9)])) == [(0, 0), (9, 9)]


def test_a_range_needs_both_of_its_ends():
    rule = correlation(conditions=(Condition("gt", 1), Condition("lte", 2)))
    assert minutes(*correlate_all([rule], [seen(0), seen(1), seen(2)])) == [(1, 1)]


# Groups and values


def test_groups_are_apart_and_named_as_in_group_by():
    rule = at_least(2, group_by=("user", "ip"))
    found = correlate_all(
        [rule], [seen(0, ip="192.0.2.1"), seen(1, ip="192.0.2.1"), seen(2, ip="192.0.2.2")]
    )
    assert [one.group for one in found] == [{"user": "mallory", "ip": "192.0.2.1"}]


@pytest.mark.parametrize("user", [None, [], [None]])
def test_an_event_without_the_field_of_the_group_belongs_to_none(user):
    assert correlate_all([at_least(2)], [seen(0, user=user), seen(1, user=user)]) == ()


def test_an_empty_text_is_a_group_and_an_empty_group_by_is_one_group():
    found = correlate_all([at_least(2)], [seen(0, user=""), seen(1, user="")])
    assert [one.group for one in found] == [{"user": ""}]
    found = correlate_all([at_least(2, group_by=())], [seen(0, user="a"), seen(1, user="b")])
    assert [one.group for one in found] == [{}]


def test_a_field_of_several_values_belongs_to_several_groups():
    found = correlate_all([at_least(2)], [seen(0, user=["a", "b"]), seen(1, user="b")])
    assert [one.group for one in found] == [{"user": "b"}]


def test_values_are_grouped_as_text_with_their_case():
    assert len(correlate_all([at_least(2)], [seen(0, user=5), seen(1, user="5")])) == 1
    assert correlate_all([at_least(2)], [seen(0, user="Bob"), seen(1, user="bob")]) == ()


def test_a_long_value_is_cut_and_stays_different():
    found = correlate_all([at_least(1)], [seen(0, user="x" * 999), seen(1, user="x" * 998)])
    names = {one.group["user"] for one in found}
    assert len(names) == 2
    assert {len(name) for name in names} == {62}


def test_an_alias_is_another_field_in_each_rule():
    rule = correlation(
        type="temporal",
        rules=("failed", "login"),
        group_by=("who",),
        aliases={"who": {"failed": "user", "login": "name"}},
    )
    found = correlate_all([rule], [seen(0), seen(1, "login", user=None, name="mallory")])
    assert [one.group for one in found] == [{"who": "mallory"}]
    assert needed_fields([rule]) == {"failed": {"user"}, "login": {"name"}}


def test_missing_values_are_no_value():
    rule = correlation(type="value_count", fields=("ip",), conditions=(Condition("gte", 2),))
    assert correlate_all([rule], [seen(0, ip="a"), seen(1), seen(2, ip=None)]) == ()
    assert len(correlate_all([rule], [seen(0, ip="a"), seen(1), seen(2, ip="b")])) == 1


def test_several_fields_make_one_value_together():
    rule = correlation(type="value_count", fields=("ip", "port"), conditions=(Condition("gte", 2),))
    assert len(correlate_all([rule], [seen(0, ip="a", port=1), seen(1, ip="a", port=2)])) == 1
    assert correlate_all([rule], [seen(0, ip="a", port=1), seen(1, ip="a", port="1")]) == ()


@pytest.mark.parametrize(
    ("type", "more", "figure"),
    [
        ("value_sum", {}, 10),
        ("value_avg", {}, 2.5),
        ("value_min", {}, 1),
        ("value_max", {}, 4),
        ("value_median", {}, 2.5),
        ("value_percentile", {"percentile": 25}, 1.75),
        ("value_percentile", {"percentile": 100}, 4),
    ],
)
def test_figures_over_numbers(type, more, figure):
    rule = correlation(type=type, fields=("n",), conditions=(Condition("eq", figure),), **more)
    events = [seen(i, n=n) for i, n in enumerate([3, "1", 4, 2])]
    assert 3 in [one.last / MINUTE for one in correlate_all([rule], events)]


def test_what_is_no_number_is_left_out():
    rule = correlation(type="value_avg", fields=("n",), conditions=(Condition("eq", 2),))
    events = [seen(0, n=2), seen(1, n="n/a"), seen(2, n=True), seen(3, n="1e999"), seen(4)]
    assert minutes(*correlate_all([rule], events)) == [(0, 0)]


def test_tenths_add_up():
    rule = correlation(type="value_sum", fields=("n",), conditions=(Condition("lt", 0.3),))
    found = correlate_all([rule], [seen(i, n=0.1) for i in range(40)])
    assert minutes(*found) == [(0, 1)]


# Several rules


def ordered(*rules, **more):
    return correlation(type="temporal_ordered", rules=rules, **more)


def test_any_order_will_do_unless_an_order_is_asked():
    events = [seen(1, "login"), seen(2, "failed")]
    assert (
        len(correlate_all([correlation(type="temporal", rules=("failed", "login"))], events)) == 1
    )
    assert correlate_all([ordered("failed", "login")], events) == ()
    assert len(correlate_all([ordered("login", "failed")], events)) == 1


def test_equal_times_are_in_any_order():
    events = [seen(1, "login", uid="a"), seen(1, "failed", uid="b")]
    assert len(correlate_all([ordered("failed", "login")], events)) == 1
    assert len(correlate_all([ordered("login", "failed")], events)) == 1


def test_an_order_looks_at_the_latest_start():
    events = [seen(0, "failed"), seen(7, "failed"), seen(8, "login")]
    assert minutes(*correlate_all([ordered("failed", "login")], events)) == [(8, 8)]


def test_one_event_may_be_what_two_rules_wait_for():
    events = [seen(1, "failed", uid="e"), seen(1, "login", uid="e")]
    assert len(correlate_all([ordered("failed", "login")], events)) == 1


def test_a_count_of_ordered_rules_may_leave_some_out():
    rule = ordered("a", "b", "c", conditions=(Condition("gte", 2),))
    assert len(correlate_all([rule], [seen(0, "a"), seen(1, "c")])) == 1
    assert correlate_all([rule], [seen(0, "c"), seen(1, "a")]) == ()


def test_a_boolean_condition():
    terms = all_of([occurs("a"), any_of([occurs("b"), occurs("c")]), none_of(occurs("d"))])
    rule = correlation(type="temporal", rules=("a", "b", "c", "d"), terms=terms)
    assert len(correlate_all([rule], [seen(0, "a"), seen(1, "c")])) == 1
    assert correlate_all([rule], [seen(0, "a"), seen(1, "d")]) == ()
    assert correlate_all([rule], [seen(0, "d"), seen(1, "a"), seen(2, "b")]) == ()
    ends = [seen(0, "a"), seen(1, "b"), seen(2, "d")]
    assert minutes(*correlate_all([rule], ends)) == [(1, 1)]


def test_boolean_conditions_are_kept_small():
    a, b = occurs("a"), occurs("b")
    assert any_of([a, all_of([a, b])]) == a
    assert none_of(none_of(all_of([a, b]))) == all_of([a, b])
    assert all_of([a, none_of(a)]) == ()
    with pytest.raises(ValueError, match="alternatives"):
        all_of(any_of([occurs(f"a{i}"), occurs(f"b{i}")]) for i in range(7))


# First seen, absence


def test_a_value_is_new_once_and_again_after_it_was_forgotten():
    rule = correlation(type="first_seen", fields=("country",), timespan=10 * MINUTE)
    times = [(0, "NL"), (1, "NL"), (2, "US"), (9, "US"), (12, "NL")]
    found = correlate_all([rule], [seen(minute, country=value) for minute, value in times])
    assert [(one.time // MINUTE, one.group["country"]) for one in found] == [
        (0, "NL"),
        (2, "US"),
        (12, "NL"),
    ]


def test_while_a_group_is_learnt_nothing_is_new():
    rule = correlation(
        type="first_seen", fields=("country",), timespan=60 * MINUTE, learning=10 * MINUTE
    )
    times = [(0, "NL"), (9, "DE"), (10, "US"), (11, "DE")]
    found = correlate_all([rule], [seen(minute, country=value) for minute, value in times])
    assert [one.group["country"] for one in found] == ["US"]


def test_silence_is_told_once_it_lasted():
    rule = correlation(type="absence", rules=("beat",))
    events = [seen(0, "beat"), seen(4, "beat"), seen(20, "beat")]
    found = correlate_all([rule], events)
    assert minutes(*found) == [(9, 9)]
    assert found[0].completed_by == "beat-240000"
    assert minutes(*correlate_all([rule], events, until=25 * MINUTE)) == [(9, 9), (25, 25)]


def test_what_should_follow_and_does_not():
    rule = correlation(type="absence", rules=("ticket",), after=("break_glass",))
    found = correlate_all(
        [rule],
        [
            seen(0, "break_glass"),
            seen(5, "ticket"),
            seen(6, "break_glass"),
            seen(30, "break_glass"),
        ],
    )
    assert minutes(*found) == [(11, 11)]


# Chains


def test_many_failures_and_then_a_success():
    inner = at_least(3, id="many_failed")
    outer = ordered("many_failed", "login", id="broken_in")
    events = [seen(i, "failed") for i in range(8)] + [seen(9, "login")]
    found = {one.rule.id: one for one in correlate_all([outer, inner], events)}
    assert found["broken_in"].completed_by == "login-540000"
    assert correlate_all([outer, inner], [*events[:2], events[-1]]) == ()


def test_the_outer_group_takes_its_fields_from_the_event_that_completed_the_inner_one():
    inner = at_least(2, id="inner", group_by=("host",))
    outer = correlation("outer", type="temporal", rules=("inner", "login"))
    events = [seen(0, host="h"), seen(1, host="h"), seen(2, "login")]
    assert {one.rule.id for one in correlate_all([inner, outer], events)} == {"inner", "outer"}
    assert needed_fields([inner, outer]) == {"failed": {"host", "user"}, "login": {"user"}}


def test_one_long_attack_is_one_to_those_who_count():
    inner = at_least(2, id="inner", group_by=("user",))
    outer = at_least(2, id="outer", rules=("inner",), group_by=(), timespan=60 * MINUTE)
    events = [seen(i) for i in range(20)]
    assert {one.rule.id for one in correlate_all([inner, outer], events)} == {"inner"}
    events += [seen(i, user="eve", uid=f"e{i}") for i in range(2)]
    assert {one.rule.id for one in correlate_all([inner, outer], events)} == {"inner", "outer"}


def test_rules_that_only_feed_are_silent():
    inner, outer = at_least(2, id="inner"), ordered("inner", "login", id="outer")
    assert silent([inner, outer]) == {"failed", "inner", "login"}
    speaking = ordered("inner", "login", id="outer", generate=True)
    assert silent([inner, speaking]) == {"failed"}
    itself = at_least(2, id="inner", generate=True)
    assert silent([itself, outer]) == {"login"}


def test_a_circle_is_refused():
    one, two = at_least(1, id="one", rules=("two",)), at_least(1, id="two", rules=("one",))
    with pytest.raises(BadRule, match="circle"):
        Plan([one, two])


def test_the_same_id_twice_is_refused():
    with pytest.raises(BadRule, match="twice"):
        Plan([at_least(1), at_least(2)])


# What can't be honoured, what may never fire


@pytest.mark.parametrize(
    ("fault", "more"),
    [
        ("no rule", {"rules": ()}),
        ("more than nothing", {"timespan": 0}),
        ("negative", {"lateness": -1}),
        ("itself", {"rules": ("many",)}),
        ("comes twice", {"type": "temporal_ordered", "rules": ("a", "b", "a")}),
        ("one field", {"type": "value_sum"}),
        ("needs a field", {"type": "value_count"}),
        ("needs a condition", {"conditions": ()}),
        ("takes no condition", {"type": "absence"}),
        ("temporal types", {"terms": occurs("failed")}),
        ("exclude", {"type": "temporal", "terms": occurs("failed")}),
        ("does not watch", {"type": "temporal", "terms": occurs("x"), "conditions": ()}),
        ("only absence", {"after": ("x",)}),
        ("must follow", {"type": "absence", "after": ("failed",)}),
        ("only first_seen", {"learning": 5}),
        ("percentile", {"percentile": 101}),
    ],
)
def test_what_can_not_be_honoured_is_refused_with_its_reason(fault, more):
    rule = correlation(**{"conditions": (Condition("gte", 2),), **more})
    assert fault in " ".join(faults(rule))
    with pytest.raises(BadRule):
        Plan([rule])


def test_what_may_never_fire_is_said():
    assert not doubts(at_least(CAP))
    assert "beyond the stream" in doubts(at_least(CAP + 1))[0]
    too_many = correlation(type="temporal", conditions=(Condition("gt", 1),))
    assert "can't fire" in doubts(too_many)[0]
    assert not doubts(correlation(type="absence"))


def test_only_what_grows_can_be_told_at_once():
    assert monotone(at_least(2))
    assert not monotone(correlation(conditions=(Condition("eq", 2),)))
    assert not monotone(correlation(type="temporal", terms=none_of(occurs("failed"))))
    assert not monotone(correlation(type="absence"))


def test_a_correlation_is_json():
    rule = correlation(type="temporal", terms=all_of([occurs("a"), none_of(occurs("b"))]))
    assert from_json(to_json(rule), Correlation) == rule
