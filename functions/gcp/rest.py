"""The one caller of Google's REST APIs: a Request in, an Answer out, errors as core.errors.

Verbs and adapters alike make their calls through it. It knows how a call is made, named, refused
and repeated, and nothing of what any API means. google-auth gets the token, urllib3 carries the
call; both are built on the first call. Paths are written as Google's discovery documents write
them, so that a name out of an event can't lead anywhere else.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

import msgspec

from core.errors import Conflict, Forbidden, NotFound, Reject, Unavailable, VigilError
from core.hostile import printable, quoted
from core.native import parsed

if TYPE_CHECKING:
    import urllib3
    from google.auth.credentials import Credentials

__all__ = ["Answer", "Call", "Request", "Rest", "ambient", "google", "path"]

CONNECT_S = 3.0
READ_S = 10.0

CONNECTIONS = 8
"""Kept open to one host: as many threads read the journal."""

ATTEMPTS = 3
"""Of a call that changes nothing. A call that may have changed something is made once."""

PAUSE_S = 0.5
"""Before the second attempt, doubled for the third, unless the answer says how long."""

LONGEST_PAUSE_S = 5.0
"""A Retry-After above this is left to the platform, which delivers again."""


class Request(NamedTuple):
    """One call. `service` is the first label of the host: `compute`, `iam`, `storage`."""

    method: str
    service: str
    path: str
    """From the host on, as `path` made it: `/v1/projects/p/topics/t:publish`."""
    query: Mapping[str, str | Sequence[str]] = {}
    body: Any = None
    """JSON, or bytes that go as they are."""
    headers: Mapping[str, str] = {}
    passes: Collection[int] = ()
    """Statuses from 400 on that the caller reads itself."""
    reads: bool = False
    """True for a POST that changes nothing (getIamPolicy): it may be repeated like a GET."""


class Answer(NamedTuple):
    """What came back. `headers` in lower case; `body` as it came, `json` read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, {} where it is empty; Unavailable when it is none (a proxy's page)."""
        try:
            return parsed(self.body) if self.body else {}
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"an answer that is not JSON: {quoted(self.body)}") from error

    @property
    def reason(self) -> str:
        """Why an error is one, in Google's words: `FAILED_PRECONDITION`, `rateLimitExceeded`."""
        return _explained(self)[0]


Call: TypeAlias = Callable[[Request], Answer]
"""What verbs and adapters are given: `Rest`, or a test's own."""


def path(template: str, **names: str) -> str:
    """The template with its names filled in: `{name}` one segment, `{+name}` with its slashes.

    Reject for an empty name, and for one with a segment `.` or `..`, which would lead elsewhere.
    """

    def filled(match: re.Match[str]) -> str:
        value, slashes = names[match[2]], "/" * bool(match[1])
        if not {"", ".", ".."}.isdisjoint(value.split("/") if slashes else [value]):
            raise Reject(f"{match[2]} {quoted(value)} can't be part of an address")
        return quote(value, safe=slashes)

    return "/" + EXPRESSION.sub(filled, template)


def google(service: str) -> str:
    """Where a service is."""
    return f"https://{service}.googleapis.com"


class Rest:
    """A Call over HTTP. `credentials` is asked once, on first use; None calls without a token.

    `endpoint` says where a service is: tests and emulators are on the loopback. `agent` shows in
    the audit log (callerSuppliedUserAgent), so that a reader knows Vigil's own calls.
    """

    def __init__(
        self,
        credentials: Callable[[], Credentials] | None,
        *,
        agent: str = "vigil",
        endpoint: Callable[[str], str] = google,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._agent = credentials, agent
        self._endpoint, self._sleep = endpoint, sleep

    def __call__(self, request: Request) -> Answer:
        """The answer: a 2xx, or a status that the request lets pass.

        NotFound 404; Forbidden 401 and 403; Conflict 409 and 412; Unavailable 408, 425, 429, 5xx,
        quotas that come as 403, and no answer; Reject for all else. A token that was refused is
        renewed once.
        """
        what = f"{request.method} {request.service} {printable(request.path, 300)}"
        for attempt in range(1, ATTEMPTS if request.reads or request.method == "GET" else 1):
            try:
                answer = self._renewed(request, what)
            except Unavailable:
                self._sleep(PAUSE_S * attempt)
                continue
            pause = _pause(answer, PAUSE_S * attempt)
            if answer.status in request.passes or pause is None:
                return _checked(answer, request, what)
            self._sleep(pause)
        return _checked(self._renewed(request, what), request, what)

    def _renewed(self, request: Request, what: str) -> Answer:
        """One attempt. A 401 means that nothing was done, so any call may follow a new token."""
        answer = self._sent(request, what)
        if answer.status != 401 or self._credentials is None:
            return answer
        with _authorizing(what):
            self._credentials.refresh(self._transport)  # type: ignore[no-untyped-call]
        return self._sent(request, what)

    def _sent(self, request: Request, what: str) -> Answer:
        import urllib3

        url = self._endpoint(request.service).rstrip("/") + request.path
        if request.query:
            url += f"?{urlencode(request.query, doseq=True)}"
        headers = {"User-Agent": self._agent, **request.headers}
        body = request.body
        if body is not None and not isinstance(body, bytes):
            headers.setdefault("Content-Type", "application/json")
            body = msgspec.json.encode(body)
        if self._credentials is not None:
            with _authorizing(what):
                self._credentials.before_request(  # type: ignore[no-untyped-call]
                    self._transport, request.method, url, headers
                )
        try:
            response = self._pool.request(request.method, url, body=body, headers=headers, **ONCE)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{what}: {type(error).__name__}: {error}") from error
        lowered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, lowered, response.data)

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        import urllib3

        timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        return urllib3.PoolManager(maxsize=CONNECTIONS, timeout=timeout)

    @cached_property
    def _credentials(self) -> Credentials | None:
        if self._source is None:
            return None
        with _authorizing("credentials"):
            return self._source()

    @cached_property
    def _transport(self) -> Callable[..., Any]:
        return _Transport(self._pool)


class _Transport:
    """google-auth's own calls (metadata server, token endpoint) on the same pool.

    google.auth.transport.urllib3 is the same, but imports `packaging`, which nothing brings.
    """

    def __init__(self, pool: urllib3.PoolManager) -> None:
        self._pool = pool

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **other: Any
    ) -> Any:
        """urllib3's answer, which has the status, headers and data that google-auth wants."""
        import urllib3
        from google.auth.exceptions import TransportError

        try:
            return self._pool.request(method, url, body=body, headers=headers, **ONCE)
        except urllib3.exceptions.HTTPError as error:
            raise TransportError(error) from error  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _authorizing(what: str) -> Iterator[None]:
    """Around google-auth: what may succeed later leaves it as Unavailable, all else Forbidden."""
    from google.auth.exceptions import GoogleAuthError, TransportError

    try:
        yield
    except GoogleAuthError as error:
        later = isinstance(error, TransportError) or error.retryable
        raise (Unavailable if later else Forbidden)(f"{what}: {error}") from error


def ambient(*scopes: str) -> Callable[[], Credentials]:
    """Application Default Credentials: on Google Cloud those of the function's own account."""

    def found() -> Credentials:
        import google.auth

        credentials, _ = google.auth.default(scopes=scopes or (CLOUD,))
        return credentials

    return found


def _checked(answer: Answer, request: Request, what: str) -> Answer:
    if answer.status < 300 or answer.status in request.passes:
        return answer
    reason, message = _explained(answer)
    wait = answer.headers.get("retry-after", "")
    text = f"{what}: {answer.status} {reason}: {message}" + (f" (retry after {wait})" * bool(wait))
    raise _kind(answer)(printable(text, 1000))


def _kind(answer: Answer) -> type[VigilError]:
    if _is_later(answer):
        return Unavailable
    return KINDS.get(answer.status, Reject)


def _is_later(answer: Answer) -> bool:
    """Compute and others say 403 when a quota of calls is used up."""
    if answer.status == 403:
        return answer.reason in QUOTAS
    return answer.status in LATER or answer.status >= 500


def _pause(answer: Answer, otherwise: float) -> float | None:
    """Seconds before the next attempt; None if none would help, or only after a long wait."""
    said = answer.headers.get("retry-after", "")
    seconds = float(said) if said.isdecimal() else otherwise
    return seconds if _is_later(answer) and seconds <= LONGEST_PAUSE_S else None


def _explained(answer: Answer) -> tuple[str, str]:
    """(reason, message) of an error, in either of the two forms that Google's APIs have."""
    try:
        error = msgspec.json.decode(answer.body, type=_Envelope).error
    except (ValueError, RecursionError):
        return "", answer.body[:200].decode(errors="replace")
    older = next((each.reason for each in error.errors if each.reason), "")
    return (older if older in QUOTAS else error.status or older), error.message


class _Older(msgspec.Struct):
    reason: str = ""


class _Error(msgspec.Struct):
    status: str = ""
    message: str = ""
    errors: tuple[_Older, ...] = ()


class _Envelope(msgspec.Struct):
    error: _Error


CLOUD = "https://www.googleapis.com/auth/cloud-platform"

ONCE: Mapping[str, Any] = {"retries": False, "redirect": False}
"""Attempts are counted here; and no redirect takes a token elsewhere."""

EXPRESSION = re.compile(r"\{(\+?)(\w+)\}")

LATER = frozenset({408, 425, 429})

QUOTAS = frozenset(
    {"RESOURCE_EXHAUSTED", "quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded"}
)

KINDS: Mapping[int, type[VigilError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Conflict,
}
"""Status -> who must act. 409 is a lost race (ABORTED) or a thing that is there already."""
