"""OCSF's words, each with the test that decides it."""

from __future__ import annotations

from core.ports import Must
from core.rulebook import And, Not, Or, Text
from core.vocabulary import ALWAYS, vocabulary

LOGIN, KEY = Text("op", ("login",)), Text("op", ("createkey",))


def test_a_source_without_sign_ins_has_one_class() -> None:
    words = vocabulary("toy")
    assert words["class_uid"] == {6003: ALWAYS}
    assert words["class_name"] == {"API Activity": ALWAYS}
    assert words["category_uid"] == {6: ALWAYS}
    assert words["cloud.provider"] == {"TOY": ALWAYS}
    assert "status_id" not in words
    assert "activity_id" not in words


def test_a_number_means_another_activity_in_another_class() -> None:
    words = vocabulary(
        "toy", sign_in=LOGIN, other=Not(LOGIN), activities={"logon": LOGIN, "create": KEY}
    )
    signed, made = And((LOGIN, LOGIN)), And((Not(LOGIN), KEY))
    assert words["type_uid"] == {
        300201: signed,
        300299: And((LOGIN, KEY)),
        600399: And((Not(LOGIN), LOGIN)),
        600301: made,
    }
    assert words["activity_id"] == {
        1: Or((signed, made)),
        99: Or((And((LOGIN, KEY)), And((Not(LOGIN), LOGIN)))),
    }
    assert words["activity_name"]["Create"] == made  # type: ignore[index]


def test_what_is_joined_with_a_must_is_no_more_than_one() -> None:
    words = vocabulary("toy", sign_in=Must(LOGIN), other=Must(ALWAYS), activities={"logon": KEY})
    assert words["type_uid"] == {300201: Must(And((LOGIN, KEY))), 600399: Must(KEY)}


def test_an_outcome_has_a_number_and_a_word() -> None:
    words = vocabulary("toy", outcomes={"failure": KEY, "unknown": Not(KEY)})
    assert words["status_id"] == {2: KEY, 0: Not(KEY)}
    assert words["status"] == {"Failure": KEY, "Unknown": Not(KEY)}
