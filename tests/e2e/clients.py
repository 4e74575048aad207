# SPDX-License-Identifier: Apache-2.0
"""An independent client on grpcio and Envoy's protos, for tests that play one."""

import queue

import grpc
from envoy.config.core.v3 import extension_pb2
from envoy.extensions.filters.http.wasm.v3 import wasm_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from envoy.service.extension.v3 import config_discovery_pb2_grpc
from google.protobuf import wrappers_pb2

from harness import Case, extension, module
from processes import LOOPBACK

TYPE = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
NAME = "default/filter"


class Stream:
    """One stream of a client: what it sends, and what it reads when asked to."""

    def __init__(self, method):
        self.requests = queue.Queue()
        self.responses = method(iter(self.requests.get, None))

    def send(self, request):
        self.requests.put(request)

    def read(self):
        return next(self.responses)

    def code(self):
        """The status that the server ends the stream with."""
        try:
            for _ in self.responses:
                pass
        except grpc.RpcError as e:
            return e.code()
        return grpc.StatusCode.OK

    def close(self):
        self.requests.put(None)
        self.responses.cancel()


class ClientCase(Case):
    def setUp(self):
        super().setUp()
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())

    def channel(self, wasmxds, alone=False):
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.insecure_channel(f"{LOOPBACK}:{wasmxds.port.number}", options)
        self.addCleanup(channel.close)
        return channel

    def stream(self, channel, delta=False, ads=False):
        if ads:
            stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel)
            method = stub.DeltaAggregatedResources if delta else stub.StreamAggregatedResources
        else:
            stub = config_discovery_pb2_grpc.ExtensionConfigDiscoveryServiceStub(channel)
            method = stub.DeltaExtensionConfigs if delta else stub.StreamExtensionConfigs
        stream = Stream(method)
        self.addCleanup(stream.close)
        return stream

    def ask(self, *names, node={"id": "python"}, **fields):
        return discovery_pb2.DiscoveryRequest(
            resource_names=names or [NAME], type_url=TYPE, node=node, **fields
        )

    def subscribe(self, held=None, names=(NAME,)):
        """The first request of a Delta stream; held: versions by name."""
        return discovery_pb2.DeltaDiscoveryRequest(
            type_url=TYPE,
            node={"id": "python"},
            resource_names_subscribe=names,
            initial_resource_versions=held or {},
        )

    def decode(self, resource):
        config = extension_pb2.TypedExtensionConfig()
        wasm = wasm_pb2.Wasm()
        self.assertTrue(resource.Unpack(config))
        self.assertTrue(config.typed_config.Unpack(wasm))
        return config.name, wasm.config

    def assertServed(self, resource, plugin="one"):
        name, config = self.decode(resource)
        value = wrappers_pb2.StringValue()
        self.assertTrue(config.configuration.Unpack(value))
        self.assertEqual((name, config.name, value.value), (NAME, NAME, plugin))
        self.assertEqual(config.vm_config.code.local.inline_bytes, module())
        self.assertEqual(config.vm_config.runtime, "envoy.wasm.runtime.v8")


def memory(process):
    """Bytes of memory that a process holds now."""
    status = open(f"/proc/{process.pid}/status").read()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
