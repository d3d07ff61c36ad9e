"""Settings and policy are checked once, and all faults come together."""

from __future__ import annotations

import pytest

from core.config import Policy, policy, policy_now, settings, webhooks
from core.errors import BadConfig, Unavailable


def faults(call, *args) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        call(*args)
    return list(caught.value.faults)


def test_an_empty_policy_is_the_default_one():
    assert policy("{}") == Policy()


def test_a_policy_is_read():
    read = policy('{"verbs": {"close_ingress": {"mode": "auto"}}, "protected": ["*break-glass*"]}')
    assert read.verbs["close_ingress"].mode == "auto"
    assert read.protected == ("*break-glass*",)
    assert read.digest() != Policy().digest()


def test_all_faults_of_a_policy_are_reported_at_once_with_the_nearest_right_name():
    found = faults(
        policy,
        """{"enabledd": true, "protected": "x", "max_actions_per_hour": -1,
            "verbs": {"close_ingres": {"mode": "auto"}, "remove_grant": {"mode": "yes"}}}""",
    )
    assert len(found) == 5
    assert any("did you mean 'enabled'?" in fault for fault in found)
    assert any("did you mean 'close_ingress'?" in fault for fault in found)
    assert any("policy.protected" in fault for fault in found)
    assert any("policy.verbs.remove_grant.mode" in fault for fault in found)
    assert any("must not be negative" in fault for fault in found)


@pytest.mark.parametrize("document", ["", "[]", "nonsense", '"x"', '{"verbs": 3}'])
def test_what_is_no_policy_is_refused(document):
    assert faults(policy, document)


def test_every_missing_setting_is_named_with_its_meaning():
    names = {"VIGIL_TABLE": "the table", "VIGIL_JOURNAL": "the bucket", "VIGIL_X": "x"}
    found = faults(settings, {"VIGIL_TABLE": "t", "VIGIL_JOURNAL": " "}, names)
    assert found == ["VIGIL_JOURNAL is not set: the bucket", "VIGIL_X is not set: x"]


def test_settings_are_trimmed():
    assert settings({"A": " x\n"}, {"A": "a"}) == {"A": "x"}


def test_webhooks_are_checked_each():
    found = faults(
        webhooks,
        """[{"name": "a", "kind": "slack", "url": "http://hooks.example.com/x"},
            {"name": "a", "kind": "webhook", "url": "https://example.com"},
            {"name": "b", "kind": "pager"}, 3]""",
    )
    assert any("https://" in fault for fault in found)
    assert any("second webhook" in fault for fault in found)
    assert any("[1].secret" in fault for fault in found)
    assert any("[2].kind" in fault for fault in found)
    assert any("[3]: must be an object" in fault for fault in found)


def test_a_good_webhook_is_read():
    (hook,) = webhooks('[{"name": "a", "kind": "slack", "url": "https://hooks.example.com/x"}]')
    assert (hook.name, hook.min_level) == ("a", "medium")


def test_the_policy_is_read_afresh_and_one_that_is_wrong_only_has_to_wait():
    document = ['{"verbs": {"disable_access_key": {"mode": "auto"}}}']
    now = policy_now(lambda: document[-1])
    assert now().verbs["disable_access_key"].mode == "auto"
    document.append('{"verbs": {"disable_acess_key": {}}}')
    with pytest.raises(Unavailable, match=r"policy can't be used: .*disable_acess_key"):
        now()
    document.append("{}")
    assert now() == Policy()
