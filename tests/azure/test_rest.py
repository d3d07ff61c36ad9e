"""The one caller of Azure's APIs, against a service on the loopback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.errors import Conflict, Forbidden, NotFound, Reject, Unavailable
from functions.azure.rest import CLOUDS, Rest, Service, _within, credential
from tests.azure.scripted import StaticCredential, scripted

SCOPE = "https://management.azure.com/.default"


@pytest.fixture
def service():
    with scripted() as script:
        yield script


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def rest(pauses):
    return Rest(StaticCredential(), agent="vigil/test", pause=pauses.append)


def at(service):
    return Service(service.endpoint, SCOPE)


def test_a_call_says_who_it_is_and_brings_its_token_and_its_body_as_json(rest, service):
    service.then(200, b'{"name":"a"}')
    answer = rest.call(
        at(service), "PUT", "/subscriptions/1/x", query={"api-version": "2024-01-01"}, body={"a": 1}
    )
    (asked,) = service.asked
    assert (answer.status, answer.json()) == (200, {"name": "a"})
    assert (asked.method, asked.target) == ("PUT", "/subscriptions/1/x?api-version=2024-01-01")
    assert asked.headers["authorization"] == f"Bearer token for {SCOPE}"
    assert asked.headers["user-agent"].startswith("vigil/test")
    assert (asked.headers["content-type"], asked.body) == ("application/json", b'{"a":1}')


def test_bytes_are_sent_as_they_are_and_no_body_is_none(rest, service):
    service.then(201).then(204)
    rest.call(at(service), "PUT", "/blob", body=b"\x00\x01", headers={"Content-Type": "x/y"})
    assert rest.call(at(service), "DELETE", "/blob").json() is None
    assert [each.body for each in service.asked] == [b"\x00\x01", b""]
    assert service.asked[0].headers["content-type"] == "x/y"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error":{"code":"BadRequest","message":"no"}}', Reject),
        (401, b"", Forbidden),
        (403, b'{"error":{"code":"AuthorizationFailed","message":"no"}}', Forbidden),
        (404, b'{"error":{"code":"ResourceNotFound","message":"no"}}', NotFound),
        (409, b'{"error":{"code":"Conflict","message":"no"}}', Conflict),
        (409, b'{"error":{"code":"ScopeLocked","message":"a lock"}}', Forbidden),
        (409, b'{"code":"RoleAssignmentExists","message":"no"}', Reject),
        (
            412,
            b'{"odata.error":{"code":"UpdateConditionNotSatisfied","message":{"value":"no"}}}',
            Conflict,
        ),
        (302, b"", None),
        (418, b"<html>", Reject),
    ],
)
def test_an_error_of_azure_says_who_must_act(rest, service, status, body, error):
    service.then(status, body)
    if error is None:  # a redirect is an answer: a token follows none
        assert rest.call(at(service), "GET", "/a").status == status
        return
    with pytest.raises(error) as caught:
        rest.call(at(service), "GET", "/a")
    assert "GET" in str(caught.value)
    assert f"/a: {status}" in str(caught.value)


def test_an_error_in_xml_gives_its_code(rest, service):
    service.then(404, b'<?xml version="1.0"?><Error><Code>BlobNotFound</Code></Error>')
    with pytest.raises(NotFound, match="BlobNotFound"):
        rest.call(at(service), "GET", "/a")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_asked_again_and_then_given_up_as_unavailable(rest, service, pauses, status):
    for _ in range(3):
        service.then(status, b"", Retry_After="2")
    with pytest.raises(Unavailable, match="again in 2 s"):
        rest.call(at(service), "POST", "/a")
    assert len(service.asked) == 3
    assert pauses == [2, 2]


def test_throttling_that_ends_is_never_seen(rest, service, pauses):
    service.then(429).then(503).then(200, b"1")
    assert rest.call(at(service), "GET", "/a").json() == 1
    assert pauses == [1, 1]


def test_a_service_that_asks_for_minutes_is_not_waited_for(rest, service, pauses):
    service.then(429, b"", Retry_After="300")
    with pytest.raises(Unavailable, match="again in 300 s"):
        rest.call(at(service), "GET", "/a")
    assert pauses == []


def test_no_connection_and_no_token_are_unavailable(rest, pauses):
    class NoToken:
        def get_token(self, *scopes, **_):
            from azure.core.exceptions import ClientAuthenticationError

            raise ClientAuthenticationError("the identity endpoint is away")

    nowhere = Service("http://127.0.0.1:9", SCOPE)
    with pytest.raises(Unavailable, match=r"GET http://127\.0\.0\.1:9/a"):
        rest.call(nowhere, "GET", "/a")
    with pytest.raises(Unavailable, match="identity endpoint is away"):
        Rest(NoToken(), pause=pauses.append).call(nowhere, "GET", "/a")


def test_a_token_is_never_sent_in_the_clear_but_to_this_machine(rest):
    with pytest.raises(Reject, match="TLS"):
        rest.call(Service("http://192.0.2.1", SCOPE), "GET", "/a")


@pytest.mark.parametrize("named", ["Azure-AsyncOperation", "Location"])
def test_a_long_operation_is_waited_for(rest, service, pauses, named):
    header = {named: f"{service.endpoint}/operations/1"}
    service.then(202, b"", **header, Retry_After="3")
    if named == "Location":
        service.then(202, b"", Retry_After="4").then(200, b"{}")
    else:
        service.then(200, b'{"status":"InProgress"}', Retry_After="4")
        service.then(200, b'{"status":"Succeeded"}')
    rest.call(at(service), "PUT", "/a", body={})
    assert [each.target for each in service.asked] == ["/a", "/operations/1", "/operations/1"]
    assert pauses == [3, 4]


def test_a_long_operation_that_fails_says_why(rest, service):
    service.then(201, b"", Azure_AsyncOperation=f"{service.endpoint}/operations/1")
    service.then(200, b'{"status":"Failed","error":{"code":"InUse","message":"a lease"}}')
    with pytest.raises(Reject, match="PUT /a: 200 InUse: a lease"):
        rest.call(at(service), "PUT", "/a", body={})


def test_a_long_operation_is_not_waited_for_without_end(rest, service, pauses):
    service.then(202, b"", Location=f"{service.endpoint}/operations/1")
    for _ in range(100):
        service.then(202, b"", Retry_After="7")
    with pytest.raises(Unavailable, match="PUT /a: still going on after 60 seconds"):
        rest.call(at(service), "PUT", "/a", body={})
    assert 60 <= sum(pauses) < 68


def test_no_token_goes_to_another_host_that_an_answer_names(rest, service):
    service.then(202, b"", Location="https://evil.example.com/operations/1")
    with pytest.raises(Reject, match="another host"):
        rest.call(at(service), "PUT", "/a", body={})
    service.then(200, b'{"value":[1],"nextLink":"http://127.0.0.1.evil.example.com/2"}')
    with pytest.raises(Reject, match="another host"):
        list(rest.items(at(service), "/list"))


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://management.azure.com/operations/1", True),
        ("https://westeurope.management.azure.com/operations/1", True),
        ("https://evilmanagement.azure.com/operations/1", False),
        ("https://management.azure.com.evil.example.com/operations/1", False),
        ("https://management.azure.com@evil.example.com/operations/1", False),
        ("http://management.azure.com/operations/1", False),
        ("/operations/1", False),
    ],
)
def test_a_host_is_arms_own_or_a_region_of_it(url, own):
    if own:
        _within(CLOUDS["public"].arm, url)
        return
    with pytest.raises(Reject, match="another host"):
        _within(CLOUDS["public"].arm, url)


def test_a_list_is_read_over_all_its_pages(rest, service):
    service.then(200, f'{{"value":[1,2],"nextLink":"{service.endpoint}/list?page=2"}}'.encode())
    service.then(
        200, f'{{"value":[3],"@odata.nextLink":"{service.endpoint}/list?page=3"}}'.encode()
    )
    service.then(200, b'{"value":[]}')
    assert list(rest.items(at(service), "/list", query={"$filter": "a eq 'b c'"})) == [1, 2, 3]
    assert service.asked[0].target == "/list?$filter=a%20eq%20%27b%20c%27"
    assert [each.target for each in service.asked[1:]] == ["/list?page=2", "/list?page=3"]


@pytest.mark.parametrize("path", ["", "a", "/a/../b", "/a//b", "/./a", "/a/", "/.."])
def test_a_name_from_an_event_can_not_lead_out_of_its_path(rest, service, path):
    with pytest.raises(Reject, match="no path"):
        rest.call(at(service), "GET", path)
    assert service.asked == []


def test_a_name_from_an_event_can_not_end_its_path(rest, service):
    service.then(200)
    rest.call(at(service), "GET", "/a?x=1#y/%2e%2e/ü b", query={"api-version": "1"})
    assert service.asked[0].target == "/a%3Fx=1%23y/%252e%252e/%C3%BC%20b?api-version=1"


NO_JSON = (b"<html>", b'"\xff"', b"[" * 2_000, b"[1e400,}", b'{"a":1e400,"b":NaN}')


@pytest.mark.parametrize("body", [b'{"error":{"message":"\xff"}}', *NO_JSON])
def test_an_error_that_cannot_be_read_is_one_all_the_same(rest, service, body):
    service.then(400, body)
    with pytest.raises(Reject):
        rest.call(at(service), "GET", "/a")


@pytest.mark.parametrize("body", NO_JSON)
def test_an_answer_that_is_not_json_is_refused_when_it_is_read(rest, service, body):
    service.then(200, body)
    answer = rest.call(at(service), "GET", "/a")
    with pytest.raises(Reject, match="not JSON"):
        answer.json()


def test_a_function_calls_as_its_managed_identity_and_an_operator_as_themselves():
    there = credential({"IDENTITY_ENDPOINT": "http://127.0.0.1/token", "AZURE_CLIENT_ID": "1"})
    assert type(there).__name__ == "ManagedIdentityCredential"
    assert type(credential({})).__name__ == "DefaultAzureCredential"


def test_importing_it_imports_no_sdk():
    code = "import sys, functions.azure.rest; print([m for m in sys.modules if m.startswith(('azure.', 'requests'))])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
