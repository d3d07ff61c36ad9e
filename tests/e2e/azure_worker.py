"""A function app in Azure's own worker library (azure-functions-runtime), without the host.

    python azure_worker.py PACKAGE      orders as lines of JSON on stdin, answers on stdout

Started with an interpreter that has azure-functions-runtime and no more, and with the unpacked
package on its path, as the host does. It indexes the app, then decodes each trigger's data, calls
the function and encodes what it gives, all by Microsoft's code; only what the host would send is
made here. Polling, checkpoints and retries are the host's and are played by the caller.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import types
import uuid
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from azure_functions_runtime import native_invocation
from azure_functions_runtime.bindings.datumdef import Datum


class Message:
    """A message of the host's protocol, by its fields."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class BindingInfo(Message):
    """Directions, as the protocol numbers them."""

    undefined, out, inout = 0, 1, 2


class StatusResult(Message):
    """Whether it worked, as the protocol numbers it."""

    Failure, Success, Cancelled = 0, 1, 2


PROTOS = types.SimpleNamespace(
    BindingInfo=BindingInfo,
    StatusResult=StatusResult,
    **{
        name: type(name, (Message,), {})
        for name in (
            "FunctionLoadResponse",
            "FunctionMetadataResponse",
            "RpcException",
            "RpcFunctionMetadata",
            "RpcRetryOptions",
            "WorkerInitResponse",
            "WorkerMetadata",
        )
    },
)


def main() -> None:
    """Index the app, say what it has, then answer order after order."""
    folder = sys.argv[1]
    sys.path.insert(0, folder)
    runtime.start_threadpool_executor()
    loop = asyncio.new_event_loop()
    asked = SimpleNamespace(
        request=SimpleNamespace(
            worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=folder)
        ),
        properties={"host": "127.0.0.1", "protos": PROTOS},
    )
    started = loop.run_until_complete(runtime.worker_init_request(asked))
    if started.result.status != StatusResult.Success:
        fault = started.result.exception
        sys.exit(f"{fault.message}\n{fault.stack_trace}")
    listed = loop.run_until_complete(runtime.functions_metadata_request(asked))
    functions = {each.name: each for each in listed.function_metadata_results}
    say({name: [json.loads(each) for each in one.raw_bindings] for name, one in functions.items()})
    for line in sys.stdin:
        order = json.loads(line)
        data, metadata = TRIGGERS[order["kind"]](order)
        done, result, _, error, trace = loop.run_until_complete(
            native_invocation.invocation_request_native(
                str(uuid.uuid4()),
                functions[order["function"]].function_id,
                [data],
                metadata,
                retry_count=order.get("retry", 0),
                max_retry_count=-1,
            )
        )
        say({"ok": done, "error": error, "trace": trace, "result": seen(result)})


def say(value: Any) -> None:
    """One line to the caller; whatever the function prints goes elsewhere."""
    print(json.dumps(value), file=sys.__stdout__, flush=True)


def hub(order: dict[str, Any]) -> tuple[Any, dict[str, Datum]]:
    """A batch of an Event Hub: bodies, and one list of each of their properties."""
    bodies = [base64.b64decode(each) for each in order["bodies"]]
    count = range(len(bodies))
    system = [{"SequenceNumber": n, "Offset": str(n), "PartitionKey": "0"} for n in count]
    metadata = {
        "SystemPropertiesArray": of_json(system),
        "PropertiesArray": of_json([{} for _ in count]),
        "PartitionKeyArray": of_json(["0" for _ in count]),
        "SequenceNumberArray": of_json(list(count)),
        "OffsetArray": of_json([str(n) for n in count]),
        "EnqueuedTimeUtcArray": of_json(["2026-11-25T10:00:00Z" for _ in count]),
        "PartitionContext": of_json({"PartitionId": "0"}),
    }
    return ("events", Datum(SimpleNamespace(bytes=bodies), "collection_bytes")), metadata


def grid(order: dict[str, Any]) -> tuple[Any, dict[str, Datum]]:
    """One event of Event Grid."""
    return ("event", of_json(order["event"])), {}


def queue(order: dict[str, Any]) -> tuple[Any, dict[str, Datum]]:
    """One message of a Storage Queue; the host has undone the base64."""
    metadata = {"Id": of_json(order["id"]), "DequeueCount": of_json(order.get("count", 1))}
    return ("message", Datum(base64.b64decode(order["body"]), "bytes")), metadata


def timer(_: dict[str, Any]) -> tuple[Any, dict[str, Datum]]:
    """The schedule says so."""
    return ("timer", of_json({"IsPastDue": False, "Schedule": {}, "ScheduleStatus": {}})), {}


def http(order: dict[str, Any]) -> tuple[Any, dict[str, Datum]]:
    """A request."""
    parts = {name: {key: text(each) for key, each in order[name].items()} for name in PARTS}
    request = {
        "method": text(order["method"]),
        "url": text(order["url"]),
        "body": Datum(order["body"].encode(), "bytes"),
        "params": {},
        **parts,
    }
    return ("req", Datum(request, "http")), {}


def of_json(value: Any) -> Datum:
    """A value as the host sends it."""
    return Datum(json.dumps(value), "json")


def text(value: str) -> Datum:
    """A text as the host sends it."""
    return Datum(value, "string")


def seen(result: Any) -> Any:
    """What a function gave: status, headers and body of an HTTP response."""
    if result is None or result.type != "http":
        return None
    body = result.value["body"].value
    return {
        "status": int(result.value["status_code"].value),
        "headers": {name.lower(): each.value for name, each in result.value["headers"].items()},
        "body": body.decode() if isinstance(body, bytes) else body,
    }


PARTS = ("headers", "query")

TRIGGERS = {"hub": hub, "grid": grid, "queue": queue, "timer": timer, "http": http}


if __name__ == "__main__":
    main()
