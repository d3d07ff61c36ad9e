"""The command `vigil`: the groups of commands, and the one place that turns faults into one line.

Exit codes: 0 done, 1 findings at or above --fail-on (or failed examples), 2 wrong use or bad
input. What the commands do is in functions/local/commands; this file knows none of it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

from core.errors import VigilError
from core.ocsf import PRODUCT_VERSION
from functions.local.commands import actions, audit, events, findings, hunt, report, rules
from functions.local.demo import demo
from functions.local.terminal import plain

__all__ = ["main", "vigil"]

BROKEN_PIPE = 141
"""What a shell gives for a program that SIGPIPE ended."""

INTERRUPTED = 130

COMPLETE = "_VIGIL_COMPLETE"
"""Set by a shell that asks for completions."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. A fault of the user is one line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _invoke(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        _quiet_stdout()
        return BROKEN_PIPE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (click.ClickException, VigilError, OSError) as error:
        return _complain(error)
    return code


def _invoke(argv: list[str]) -> int:
    """Run the command; its exit code.

    Not click's `main`: that ends a broken pipe with 1, which here
    means that something was found.
    """
    if instruction := os.environ.get(COMPLETE):
        return shell_complete(vigil, {}, "vigil", COMPLETE, instruction)
    with vigil.make_context("vigil", argv) as context:
        result = vigil.invoke(context)
    return result if isinstance(result, int) else 0


def _complain(error: click.ClickException | VigilError | OSError) -> int:
    """One line that says what, where and how to mend it."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    click.echo(f"vigil: {plain(' '.join(_reason(error).split()))}", err=True)
    return 2


def _reason(error: click.ClickException | VigilError | OSError) -> str:
    if isinstance(error, VigilError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'input'}: {error.strerror or error}"
    message = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message} (see {context.command_path} --help)" if context else message


def _quiet_stdout() -> None:
    """The reader went away: let the flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


vigil = click.version_option(PRODUCT_VERSION, message="%(prog)s %(version)s")(
    click.Group(
        "vigil",
        help="Security monitoring and response for your clouds, from inside your own accounts.",
        commands={
            "hunt": hunt.hunt,
            "events": events.events,
            "rules": rules.rules,
            "findings": findings.findings,
            "actions": actions.actions,
            "audit": audit.audit,
            "report": report.report,
            "demo": demo,
        },
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
)
"""All commands, by name."""

if __name__ == "__main__":
    sys.exit(main())
