"""The one caller of Azure's REST APIs: a request in, an answer out, or one of core.errors.

ARM, Microsoft Graph, Storage, Key Vault, log ingestion: whatever takes a token of Entra ID. Which
paths, versions and bodies there are is known where they are called; what is stored, read or
changed is not known here at all. Nothing is opened before the first call, and the SDK is imported
then: it costs a cold start more than all the rest of a function.

Texts of a path may come from an event, so paths are given as they read and are encoded here; a
token goes to the host of its service and to no other, whatever an answer says.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from core.errors import Conflict, Forbidden, NotFound, Reject, Unavailable, VigilError
from core.hostile import printable
from core.model import Json
from core.native import parsed

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpRequest, HttpResponse

__all__ = ["CLOUDS", "Answer", "Cloud", "Rest", "Service", "credential"]

TRIES = 3
LONGEST_PAUSE = 5
"""Seconds that a call waits for a service that throttles; if it asks for more, Unavailable."""

PATIENCE = 60
"""Seconds that an operation which ARM carries on in the background is waited for, in pauses."""

PAUSE = 1
CONNECT, READ = 3, 15
"""Seconds that a connection, and an answer, may take."""


class Service(NamedTuple):
    """A place to call and what a token for it is asked with."""

    endpoint: str
    """https://management.azure.com, without a slash at its end."""

    scope: str
    """https://management.azure.com/.default"""


class Cloud(NamedTuple):
    """The two services that manage a cloud of Azure; each sovereign cloud has its own."""

    arm: Service
    graph: Service


class Answer(NamedTuple):
    """What came back: names of headers compare without case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Json:
        """The body as JSON, None where there is none. Reject if it is something else."""
        if not self.content:
            return None
        try:
            return parsed(self.content)
        except (ValueError, RecursionError) as error:
            raise Reject(f"an answer of Azure that is not JSON: {error}") from error


class Rest:
    """Calls with one identity. `agent` is how logs know them (vigil/0.1.0), `pause` sleeps."""

    def __init__(
        self,
        credential: TokenCredential,
        *,
        agent: str = "vigil",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credential, self._agent, self._pause = credential, agent, pause
        self._clients: dict[Service, PipelineClient[HttpRequest, HttpResponse]] = {}

    def call(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Json = None,
    ) -> Answer:
        """One call, carried to its end: short throttling and long operations are waited for.

        `path` is not encoded yet, `query` neither ({"api-version": ...} for ARM); `body` is sent as
        JSON, bytes as they are. The answer is the call's own, below 400. Raises what core.errors
        has for the rest: NotFound (404, 410), Forbidden (401, 403, a lock), Conflict (409, 412),
        Unavailable (408, 429, 5xx, no connection, no token), Reject.
        """
        url = service.endpoint + _encoded(path) + _asked(query or {})
        answer = self._send(service, method, url, dict(headers or {}), body)
        if method != "GET":
            self._finish(service, f"{method} {path}", answer)
        return answer

    def items(
        self, service: Service, path: str, *, query: Mapping[str, str] | None = None
    ) -> Iterator[Json]:
        """Every item of a list, over all its pages (`value`, `nextLink` or `@odata.nextLink`)."""
        url = service.endpoint + _encoded(path) + _asked(query or {})
        while url:
            page = self._send(service, "GET", url, {}, None).json() or {}
            yield from page.get("value") or ()
            url = page.get("nextLink") or page.get("@odata.nextLink") or ""
            if url:
                _within(service, url)

    def _send(
        self, service: Service, method: str, url: str, headers: dict[str, str], body: Json
    ) -> Answer:
        attempted = f"{method} {printable(url.split('?', maxsplit=1)[0], 400)}"
        for left in reversed(range(TRIES)):
            try:
                answer = self._once(service, method, url, headers, body)
            except Unavailable as error:
                if not left:
                    raise Unavailable(f"{attempted}: {error}") from error
                self._pause(PAUSE)
                continue
            if answer.status < 400:
                return answer
            wait = _wait(answer)
            if not left or answer.status not in TRANSIENT or wait > LONGEST_PAUSE:
                raise _fault(attempted, answer.status, *_said(answer), wait)
            self._pause(wait or PAUSE)
        raise AssertionError(attempted)  # the last try returns or raises

    def _once(
        self, service: Service, method: str, url: str, headers: dict[str, str], body: Json
    ) -> Answer:
        from azure.core import exceptions
        from azure.core.rest import HttpRequest

        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        headers.setdefault("Accept", "application/json")
        request = HttpRequest(method, url, headers=headers, content=content)
        # Only this machine may be spoken to in the clear: the tests' services are there.
        clear = urlsplit(url).hostname in LOOPBACK
        if not clear and not url.startswith("https://"):
            raise Reject(f"{printable(url, 200)} is not TLS: no token is sent there")
        try:
            found = self._client(service).send_request(
                request, enforce_https=not clear, connection_timeout=CONNECT, read_timeout=READ
            )
        except exceptions.ClientAuthenticationError as error:
            raise Unavailable(f"no token for {service.scope}: {error.message}") from error
        except (exceptions.ServiceRequestError, exceptions.ServiceResponseError) as error:
            raise Unavailable(f"{type(error).__name__}: {error.message}") from error
        except exceptions.AzureError as error:
            raise Reject(f"{method} {url}: {type(error).__name__}: {error.message}") from error
        return Answer(found.status_code, found.headers, found.content)

    def _client(self, service: Service) -> PipelineClient[HttpRequest, HttpResponse]:
        """A pipeline per service: names itself and brings a token. Redirects are not followed."""
        if service not in self._clients:
            from azure.core import PipelineClient
            from azure.core.pipeline import policies

            self._clients[service] = PipelineClient(
                service.endpoint,
                policies=[
                    policies.RequestIdPolicy(),
                    policies.UserAgentPolicy(self._agent),
                    policies.BearerTokenCredentialPolicy(self._credential, service.scope),
                ],
            )
        return self._clients[service]

    def _finish(self, service: Service, attempted: str, answer: Answer) -> None:
        """Wait until ARM has done what it accepted; Unavailable if that takes too long."""
        where = _status_url(answer)
        waited = 0.0
        while where:
            if waited >= PATIENCE:
                raise Unavailable(f"{attempted}: still going on after {PATIENCE} seconds")
            wait = min(_wait(answer) or PAUSE, PATIENCE)
            self._pause(wait)
            waited += wait
            _within(service, where)
            answer = self._send(service, "GET", where, {}, None)
            status = _status(answer)
            if status in {"failed", "canceled"}:
                raise _fault(attempted, answer.status, *_said(answer))
            done = status == "succeeded" or (not status and answer.status != 202)
            where = "" if done else where


def credential(environ: Mapping[str, str]) -> TokenCredential:
    """Who calls: the app's managed identity (AZURE_CLIENT_ID says which), else the operator.

    Functions and App Service set IDENTITY_ENDPOINT; elsewhere azure-identity looks at the
    environment and at who is signed in with the Azure CLI.
    """
    from azure import identity

    if "IDENTITY_ENDPOINT" in environ:
        return identity.ManagedIdentityCredential(client_id=environ.get("AZURE_CLIENT_ID"))
    return identity.DefaultAzureCredential(exclude_managed_identity_credential=True)


def _encoded(path: str) -> str:
    """The path with all that could end it or leave it encoded or refused."""
    segments = path.split("/")[1:]
    odd = any(each in {".", ".."} or not each for each in segments) and path != "/"
    if not path.startswith("/") or odd:
        raise Reject(f"{printable(path, 200)!a} is no path of an API")
    return quote(path, safe="/()$',=:@!*;+&~")


def _asked(query: Mapping[str, str]) -> str:
    return f"?{urlencode(query, quote_via=quote, safe='$,/')}" if query else ""


def _within(service: Service, url: str) -> None:
    """An address out of an answer gets a token only if it is the service's own or a part of it."""
    asked, own = urlsplit(url), urlsplit(service.endpoint)
    host = asked.hostname or ""
    same = asked.netloc == own.netloc or host.endswith(f".{own.hostname}")
    if asked.scheme != own.scheme or not same:
        raise Reject(f"{service.endpoint} points to {printable(url, 200)!a}, which is another host")


def _status_url(answer: Answer) -> str:
    """Where an operation that goes on says how far it is; "" when it is done."""
    named = answer.headers.get("Azure-AsyncOperation", "")
    return named or (answer.headers.get("Location", "") if answer.status == 202 else "")


def _status(answer: Answer) -> str:
    body = answer.json()
    return str(body.get("status", "")).lower() if isinstance(body, dict) else ""


def _wait(answer: Answer) -> float:
    """Seconds that the service asks to wait; 0 if it does not say (a date is not read)."""
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0


def _said(answer: Answer) -> tuple[str, str]:
    """(code, message) of an error, in any of the shapes that Azure's services have for it."""
    code = answer.headers.get("x-ms-error-code", "")
    try:
        body = msgspec.json.decode(answer.content or b"null")
    except (ValueError, RecursionError):
        found = XML_CODE.search(answer.content.decode(errors="replace"))
        return (found[1] if found else code), ""
    body = body if isinstance(body, dict) else {}
    error = body.get("error") or body.get("odata.error") or body
    if not isinstance(error, dict):
        return str(error), str(body.get("error_description", ""))
    message = error.get("message") or ""
    if isinstance(message, dict):  # Table Storage: {"lang": "en-US", "value": "..."}
        message = message.get("value") or ""
    return str(error.get("code") or code), str(message)


def _fault(attempted: str, status: int, code: str, message: str, wait: float = 0) -> VigilError:
    kind = CODES.get(code.lower()) or STATUSES.get(status)
    kind = kind or (Unavailable if status >= 500 else Reject)
    again = f" (again in {wait:g} s)" if wait else ""
    return kind(f"{attempted}: {status} {printable(code, 80)}: {printable(message, 400)}{again}")


XML_CODE = re.compile(r"<Code>([^<]{1,80})</Code>")

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})

STATUSES: Mapping[int, type[VigilError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    429: Unavailable,
    501: Reject,
}

CODES: Mapping[str, type[VigilError]] = {
    "scopelocked": Forbidden,
    "readonlydisabledsubscription": Forbidden,
    "roleassignmentexists": Reject,
    "anotheroperationinprogress": Conflict,
    "retryableerror": Unavailable,
}
"""Error code, lower case -> what it means where the status misleads.

A lock and a disabled subscription answer 409, but asking again is no use. RoleAssignmentExists is
the same grant under another name. The last two are reasons of operations that failed later on.
"""

CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(
        Service("https://management.azure.com", "https://management.azure.com/.default"),
        Service("https://graph.microsoft.com", "https://graph.microsoft.com/.default"),
    ),
    "usgovernment": Cloud(
        Service(
            "https://management.usgovcloudapi.net", "https://management.usgovcloudapi.net/.default"
        ),
        Service("https://graph.microsoft.us", "https://graph.microsoft.us/.default"),
    ),
    "china": Cloud(
        Service(
            "https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"
        ),
        Service(
            "https://microsoftgraph.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn/.default",
        ),
    ),
}
"""Name of a cloud, as Terraform's provider calls it -> its services."""
