"""The fake refuses what Google's documents don't allow, and fails the test that did it."""

from __future__ import annotations

import pytest

from core.errors import Reject
from functions.gcp.rest import Request, Rest
from tests.gcp.fake.discovery import Wrong, check, check_answer
from tests.gcp.fake.google import Google
from tests.gcp.fake.server import serving

RULE = "/compute/v1/projects/example-project/global/firewalls/web"
SINK = "/v2/projects/example-project/sinks/s"
POLICY = "/v3/projects/example-project:setIamPolicy"


@pytest.mark.parametrize(
    ("service", "verb", "url", "body"),
    [
        ("compute", "PATCH", RULE, {"sourceRanges": ["192.0.2.0/24"], "disabled": True}),
        ("logging", "PUT", f"{SINK}?updateMask=disabled&uniqueWriterIdentity=true", {"name": "s"}),
        ("iam", "POST", "/v1/projects/p/serviceAccounts/a%40b.example/keys/k:disable", {}),
        ("cloudresourcemanager", "POST", POLICY, {"policy": {"etag": "ZXRhZw=="}, "updateMask": "auditConfigs,etag"}),
    ],
)  # fmt: skip
def test_a_request_as_the_documents_have_it_is_right(service, verb, url, body):
    assert check(service, verb, url, body).method.id.startswith(service)


@pytest.mark.parametrize(
    ("service", "verb", "url", "body", "why"),
    [
        ("dns", "GET", "/v1/x", None, "no API dns"),
        ("compute", "PATCH", RULE.replace("firewalls", "firewall"), {}, "no method"),
        ("compute", "PATCH", RULE.replace("/v1/", "/v2/"), {}, "no method"),
        ("compute", "POST", RULE, {}, "no method"),
        ("compute", "PATCH", RULE.replace("web", "Web!"), {}, "path: firewall"),
        ("compute", "PATCH", f"{RULE}?updateMask=disabled", {}, "no parameter updateMask"),
        ("compute", "PATCH", RULE, {"sourceRange": []}, "no field sourceRange"),
        ("compute", "PATCH", RULE, {"sourceRanges": "0.0.0.0/0"}, "is a str, not a array"),
        ("compute", "PATCH", RULE, {"sourceRanges": [1]}, r"sourceRanges\[0\] is a int"),
        ("compute", "PATCH", RULE, {"disabled": "true"}, "is a str, not a boolean"),
        ("compute", "PATCH", RULE, {"priority": True}, "is a bool, not a integer"),
        ("compute", "PATCH", RULE, {"direction": "INWARD"}, "none of"),
        ("compute", "PATCH", RULE, {"id": "1"}, "for Google alone"),
        ("compute", "PATCH", RULE, [], "is a list, not a object"),
        ("compute", "GET", RULE, {}, "a body"),
        ("logging", "PUT", f"{SINK}?updateMask=off", {}, "no field off"),
        ("logging", "PUT", f"{SINK}?uniqueWriterIdentity=True", {}, "not true or false"),
        ("logging", "PUT", f"{SINK}?updateMask=name&updateMask=filter", {}, "more than once"),
        ("cloudresourcemanager", "POST", POLICY, {"policy": {"etag": "e*"}}, "no byte"),
        ("cloudresourcemanager", "POST", POLICY, {"updateMask": "members"}, "no field members"),
        ("iam", "GET", "/v1/projects/p/serviceAccounts/a/keys/k?publicKeyType=PEM", None, "none of"),
        ("iam", "POST", "/v1/projects/p/serviceAccounts/a:disable", {"reason": "x"}, "no field reason"),
    ],
)  # fmt: skip
def test_a_request_that_is_wrong_is_said_to_be_and_why(service, verb, url, body, why):
    with pytest.raises(Wrong, match=why):
        check(service, verb, url, body)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"etag": "ZXRhZw==", "owner": "ana"}, "no field owner"),
        ({"bindings": [{"role": 1}]}, "is a int"),
    ],
)
def test_an_answer_that_google_would_not_give_is_wrong(answer, why):
    method = check("cloudresourcemanager", "POST", POLICY, {}).method
    with pytest.raises(Wrong, match=why):
        check_answer(method, answer)


def test_a_wrong_request_fails_the_test_even_if_its_refusal_is_swallowed():
    google = Google()
    with pytest.raises(AssertionError, match="no method of iam"), serving(google) as server:
        rest = Rest(None, endpoint=server.endpoint)
        with pytest.raises(Reject):
            rest(Request("GET", "iam", "/v1/nowhere"))


def test_a_wrong_answer_of_the_fake_fails_the_test_too():
    google = Google()
    google.things["projects/p/serviceAccounts/a"] = {"mail": "a@example.com"}
    with pytest.raises(AssertionError, match="no field mail"), serving(google) as server:
        rest = Rest(None, endpoint=server.endpoint)
        with pytest.raises(Reject):
            rest(Request("GET", "iam", "/v1/projects/p/serviceAccounts/a"))
