"""A Terraform provider that knows the shape of every type in a table (derive.py) and nothing else.

    python provider.py TABLE.json

Terraform itself then checks a module against it: arguments, kinds, blocks, references, plans, an
apply whose ids are made up, a plan after it that is empty. Not checked is what a real provider does
beyond its schema: rules for values, what forces a new resource, what the cloud says. Runs in an
environment of its own (requirements/stub.txt), which has the protocol's messages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tempfile
import threading
from concurrent import futures
from pathlib import Path

import grpc
import msgpack
from tf.gen import grpc_controller_pb2 as controller
from tf.gen import grpc_controller_pb2_grpc as controller_rpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_rpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc
from tf.runner import _self_signed_cert

UNKNOWN = msgpack.ExtType(0, b"\x00")
PLAIN = {"string": "string", "boolean": "bool", "number": "number"}
WRITE_ONLY = b"\x58\x01"
"""Field 11 of a schema's attribute, true: the protocol of Terraform 1.11, which the messages lack."""


def cty(entry):
    """The type of an argument as Terraform writes it."""
    kind = entry["t"]
    if kind in PLAIN:
        return PLAIN[kind]
    if "o" in entry:
        held = ["object", {name: cty(each) for name, each in entry["o"].items()}]
        return held if kind == "object" else [kind, held]
    return (
        [kind, PLAIN.get(entry.get("e"), "string")] if kind in {"list", "set", "map"} else "dynamic"
    )


def is_write_only(name):
    return name.endswith("_wo")


def attribute(name, entry):
    computed = bool(entry.get("c")) or name == "id"
    required = bool(entry.get("r"))
    made = pb.Schema.Attribute(
        name=name,
        type=json.dumps(cty(entry)).encode(),
        required=required,
        optional=not required and not entry.get("c"),
        computed=computed and not required,
    )
    if is_write_only(name):
        made.MergeFromString(WRITE_ONLY)
    return made


def block(arguments):
    """The schema of a block: its arguments, and the blocks in it."""
    made = pb.Schema.Block()
    for name, entry in sorted(arguments.items()):
        if "b" not in entry:
            made.attributes.append(attribute(name, entry))
            continue
        nesting = pb.Schema.NestedBlock.SET if entry["t"] == "set" else pb.Schema.NestedBlock.LIST
        made.block_types.append(
            pb.Schema.NestedBlock(
                type_name=name,
                block=block(entry["b"]),
                nesting=nesting,
                min_items=1 if entry.get("r") else 0,
                max_items=1 if entry.get("m") else 0,
            )
        )
    return made


def schema(arguments):
    return pb.Schema(version=0, block=block(arguments))


def read(value):
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, strict_map_key=False, ext_hook=msgpack.ExtType)
    return json.loads(value.json) if value.json else None


def written(value):
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def filled(arguments, value, make, path=""):
    """The value with what the provider computes put in, and what is write-only taken out."""
    out = {}
    for name, entry in arguments.items():
        given, where = value.get(name), f"{path}.{name}"
        if "b" in entry:
            given = [filled(entry["b"], each, make, where) for each in given or ()]
        elif is_write_only(name):
            given = None
        elif (given is None and (entry.get("c") or name == "id")) or given == UNKNOWN:
            given = make(entry, where)
        out[name] = given
    return out


def invented(kind, value):
    """A value for each attribute that a real provider would learn from the cloud: the same each time."""
    seed = hashlib.sha256(json.dumps([kind, value], default=str, sort_keys=True).encode())
    made_up = {"number": 0, "boolean": False, "list": [], "set": [], "map": {}}
    return lambda entry, where: made_up.get(entry["t"], f"{kind}{where}-{seed.hexdigest()[:8]}")


class Provider(rpc.ProviderServicer):
    def __init__(self, table):
        self.table = table

    def GetMetadata(self, request, context):
        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(),
            resources=[
                pb.GetMetadata.ResourceMetadata(type_name=name) for name in self.table["resource"]
            ],
            data_sources=[
                pb.GetMetadata.DataSourceMetadata(type_name=name) for name in self.table["data"]
            ],
        )

    def GetProviderSchema(self, request, context):
        out = pb.GetProviderSchema.Response(provider=schema(self.table["provider"]))
        for name, arguments in self.table["resource"].items():
            out.resource_schemas[name].CopyFrom(schema(arguments))
        for name, arguments in self.table["data"].items():
            out.data_source_schemas[name].CopyFrom(schema(arguments))
        return out

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request, context):
        return pb.UpgradeResourceState.Response(
            upgraded_state=written(json.loads(request.raw_state.json))
        )

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state, private=request.private)

    def PlanResourceChange(self, request, context):
        wanted = read(request.proposed_new_state)
        if wanted is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        arguments = self.table["resource"][request.type_name]
        planned = filled(arguments, wanted, lambda entry, where: UNKNOWN)
        return pb.PlanResourceChange.Response(
            planned_state=written(planned), legacy_type_system=True
        )

    def ApplyResourceChange(self, request, context):
        planned = read(request.planned_state)
        if planned is None:
            return pb.ApplyResourceChange.Response(new_state=request.planned_state)
        made = filled(
            self.table["resource"][request.type_name], planned, invented(request.type_name, planned)
        )
        return pb.ApplyResourceChange.Response(new_state=written(made), legacy_type_system=True)

    def ReadDataSource(self, request, context):
        asked = read(request.config)
        made = filled(
            self.table["data"][request.type_name], asked, invented(request.type_name, asked)
        )
        return pb.ReadDataSource.Response(state=written(made))

    def GetFunctions(self, request, context):
        return pb.GetFunctions.Response()

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


def serve(table):
    """Speak go-plugin's handshake on stdout, then answer until Terraform says it is done."""
    done = threading.Event()

    class Control(controller_rpc.GRPCControllerServicer):
        def Shutdown(self, request, context):
            threading.Timer(0.05, done.set).start()
            return controller.Empty()

    class Output(stdio_rpc.GRPCStdioServicer):
        def StreamStdio(self, request, context):
            return iter(())

    server = grpc.server(futures.ThreadPoolExecutor(8))
    rpc.add_ProviderServicer_to_server(Provider(table), server)
    controller_rpc.add_GRPCControllerServicer_to_server(Control(), server)
    stdio_rpc.add_GRPCStdioServicer_to_server(Output(), server)
    with tempfile.TemporaryDirectory() as folder:
        certificate, credentials = _self_signed_cert()
        server.add_secure_port(f"unix://{folder}/provider.sock", credentials)
        server.start()
        shown = base64.b64encode(certificate).decode().rstrip("=")
        print(f"1|6|unix|{folder}/provider.sock|grpc|{shown}", flush=True)
        done.wait()
        server.stop(0)


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
