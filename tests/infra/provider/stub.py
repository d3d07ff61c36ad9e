"""A Terraform provider that is nothing but its schema: real init, validate, plan and apply, no cloud.

    python stub.py TABLE.json

Terraform starts it and talks plugin protocol 6 over gRPC. What a real provider computes is unknown
in a plan; once applied it is a text that tells what it stands for: `google_pubsub_topic/events.id`.
What a real provider checks beyond its schema (values, what forces a new resource) is not checked.

Runs in an environment of its own (requirements/provider.txt): the bindings of the protocol, of
PyPI's `tf`, want an older protobuf than other tests.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import msgpack
from tf.gen import grpc_controller_pb2 as controller
from tf.gen import grpc_controller_pb2_grpc as controller_rpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_rpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc
from tf.runner import _self_signed_cert  # go-plugin wants TLS; nothing public of the package has it

sys.path.insert(0, str(Path(__file__).parent))
from schema import Argument, Block, Table, fields

UNKNOWN = msgpack.ExtType(0, b"\x00")
NAMES = ("name", "account_id", "role_id", "secret_id", "display_name", "member", "service", "field")
"""Arguments that tell one resource from another, the first that is there."""


def serve(table: Table) -> None:
    """Print where it listens, as go-plugin wants it, and serve until Terraform says stop."""
    stopped = threading.Event()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    rpc.add_ProviderServicer_to_server(Provider(table), server)

    class Controller(controller_rpc.GRPCControllerServicer):
        def Shutdown(self, request: Any, context: Any) -> Any:
            threading.Timer(0.05, stopped.set).start()
            return controller.Empty()

    class Stdio(stdio_rpc.GRPCStdioServicer):
        def StreamStdio(self, request: Any, context: Any) -> Any:
            return iter(())

    controller_rpc.add_GRPCControllerServicer_to_server(Controller(), server)
    stdio_rpc.add_GRPCStdioServicer_to_server(Stdio(), server)
    with tempfile.TemporaryDirectory() as folder:
        certificate, credentials = _self_signed_cert()
        server.add_secure_port(f"unix://{folder}/socket", credentials)
        server.start()
        shown = base64.b64encode(certificate).decode().rstrip("=")
        print(f"1|6|unix|{folder}/socket|grpc|{shown}", flush=True)
        stopped.wait()
        server.stop(0)


class Provider(rpc.ProviderServicer):
    """Answers from the table. Names of methods are the protocol's."""

    def __init__(self, table: Table) -> None:
        self.own = fields(table["provider"])
        self.resources = {name: fields(each) for name, each in table["resource"].items()}
        self.data = {name: fields(each) for name, each in table["data"].items()}

    def GetMetadata(self, request, context):
        resource, data = pb.GetMetadata.ResourceMetadata, pb.GetMetadata.DataSourceMetadata
        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(),
            resources=[resource(type_name=name) for name in self.resources],
            data_sources=[data(type_name=name) for name in self.data],
        )

    def GetProviderSchema(self, request, context):
        answer = pb.GetProviderSchema.Response(provider=_schema(self.own))
        for name, each in self.resources.items():
            answer.resource_schemas[name].CopyFrom(_schema(each))
        for name, each in self.data.items():
            answer.data_source_schemas[name].CopyFrom(_schema(each))
        return answer

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request, context):
        state = json.loads(request.raw_state.json)
        return pb.UpgradeResourceState.Response(upgraded_state=_encoded(state))

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        wanted = _decoded(request.proposed_new_state)
        if wanted is not None:
            known = self.resources[request.type_name]
            wanted = _filled(known, wanted, lambda kind, path: UNKNOWN)
        return pb.PlanResourceChange.Response(
            planned_state=_encoded(wanted), legacy_type_system=True
        )

    def ApplyResourceChange(self, request, context):
        wanted = _decoded(request.planned_state)
        if wanted is not None:
            known = self.resources[request.type_name]
            wanted = _filled(known, wanted, _made_up(request.type_name, wanted))
        return pb.ApplyResourceChange.Response(new_state=_encoded(wanted), legacy_type_system=True)

    def ReadDataSource(self, request, context):
        asked = _decoded(request.config)
        known = self.data[request.type_name]
        found = _filled(known, asked, _made_up(request.type_name, asked))
        return pb.ReadDataSource.Response(state=_encoded(found))

    def GetFunctions(self, request, context):
        return pb.GetFunctions.Response()

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


def _schema(known: Mapping[str, Argument | Block]) -> Any:
    return pb.Schema(version=0, block=_block(known))


def _block(known: Mapping[str, Argument | Block]) -> Any:
    block = pb.Schema.Block()
    for name, each in sorted(known.items()):
        if isinstance(each, Block):
            mode = pb.Schema.NestedBlock.SET if each.many == "set" else pb.Schema.NestedBlock.LIST
            block.block_types.append(
                pb.Schema.NestedBlock(
                    type_name=name,
                    block=_block(each.fields),
                    nesting=mode,
                    min_items=int(each.needed),
                    max_items=int(each.single),
                )
            )
        else:
            block.attributes.append(
                pb.Schema.Attribute(
                    name=name,
                    type=json.dumps(each.kind).encode(),
                    required=each.needed,
                    optional=not each.needed and not each.computed,
                    computed=each.computed,
                )
            )
    return block


def _filled(
    known: Mapping[str, Argument | Block],
    value: Any,
    make: Callable[[Any, str], Any],
    path: str = "",
) -> Any:
    """The value with what the provider computes, and what is unknown, as `make` has it."""
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for name, each in known.items():
        here, held = f"{path}.{name}", value.get(name)
        if isinstance(each, Block):
            filled[name] = [
                _filled(each.fields, one, make, here) for one in (held or ())
            ] if held != UNKNOWN else held  # fmt: skip
        elif held == UNKNOWN or (held is None and each.computed):
            filled[name] = make(each.kind, here)
    return filled


def _made_up(kind: str, value: Mapping[str, Any]) -> Callable[[Any, str], Any]:
    label = next((value[name] for name in NAMES if isinstance(value.get(name), str)), "")
    samples = {"string": f"{kind}/{label}", "number": 0, "bool": False}

    def make(type_: Any, path: str) -> Any:
        if isinstance(type_, list):
            return {} if type_[0] == "map" else []
        return f"{samples[type_]}{path}" if type_ == "string" else samples[type_]

    return make


def _decoded(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack, strict_map_key=False, ext_hook=msgpack.ExtType)


def _encoded(value: Any) -> Any:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()))
