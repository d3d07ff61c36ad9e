"""The page behind an approval link: a plan to read, a form to decide, and what came of it.

A link in a chat is fetched by programs that nobody asked, so GET only shows; the decision is a
POST. The page loads nothing and runs nothing, and every word from an event is escaped. This file
knows HTTP only as method, token and form; each cloud's handler does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import msgspec

from core.actions import CATALOGUE
from core.alert import utc
from core.approval import Plan, Released, Word
from core.errors import BadToken, Conflict
from core.hostile import printable

__all__ = ["HEADERS", "Answer", "answer"]

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem
auto;padding:0 1rem}h1{font-size:1.3rem}dl{display:grid;grid-template-columns:max-content 1fr;
gap:.3rem 1rem}dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}form{display:flex;flex-wrap:wrap;
gap:.6rem;margin-top:1.5rem}input,button{font:inherit;padding:.5rem .8rem}
"""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What to send back: HTTP status and HTML."""

    status: int
    body: str


def answer(
    method: str,
    token: str,
    form: Mapping[str, str],
    *,
    show: Callable[[str], Plan],
    decide: Callable[[str, Word], Released],
) -> Answer:
    """Show the plan (GET, HEAD) or take the decision (POST: `decision` approve or deny, `by`)."""
    try:
        if method in ("GET", "HEAD"):
            return Answer(status=200, body=_plan_page(show(token)))
        if method != "POST":
            return _message(405, "Only GET and POST are answered here.")
        choice, by = form.get("decision", ""), printable(form.get("by", "").strip(), 100)
        if choice not in ("approve", "deny") or not by:
            return _message(400, "Say who you are, and approve or deny.")
        released = decide(token, Word(choice == "approve", by))
        return _message(200, f"The action is {released}. It is on record that {by} said so.")
    except BadToken as error:
        return _message(403, f"Nothing was changed: {error}.")
    except Conflict:
        return _message(409, "Somebody decided at the same moment. Nothing was changed here.")


def _plan_page(plan: Plan) -> str:
    action = plan.action
    entry = CATALOGUE.get(action.verb)
    facts = {
        "Action": f"{action.verb}: {entry.summary}" if entry else action.verb,
        "Target": action.target.uid,
        "Identity hit": action.target.principal,
        "Account": f"{action.target.provider} {action.target.account}",
        "Because of": action.title,
        "Level": action.level,
        "Event": utc(action.event_time),
        "Asks because": "; ".join(plan.because),
        "Undo": entry.undo if entry else "",
        "Takes back": action.undoes,
        "Good until": utc(plan.expires),
    }
    rows = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(printable(value))}</dd>"
        for label, value in facts.items()
        if value
    )
    if plan.state != "held":
        ending = f"<p>This action is {escape(plan.state)}; there is nothing to decide.</p>"
    else:
        ending = (
            '<form method="post"><input name="by" required maxlength="100" '
            'placeholder="Your name" aria-label="Your name">'
            '<button name="decision" value="approve">Approve</button>'
            '<button name="decision" value="deny">Deny</button></form>'
        )
    return _page("An action waits for you", f"<dl>{rows}</dl>{ending}")


def _message(status: int, text: str) -> Answer:
    return Answer(status=status, body=_page("Vigil", f"<p>{escape(text)}</p>"))


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
