# SPDX-License-Identifier: Apache-2.0
"""What an independent client reads, and what one that misbehaves can do: grpcio and Envoy's protos."""

import queue
import threading

import grpc
from envoy.config.core.v3 import extension_pb2
from envoy.extensions.filters.http.wasm.v3 import wasm_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from envoy.service.extension.v3 import config_discovery_pb2_grpc
from google.protobuf import wrappers_pb2

from harness import Case, extension, module, padded
from processes import LIMIT, LOOPBACK, wait_until

TYPE = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
NAME = "default/filter"
BIG = 8 << 20


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


class ClientTest(Case):
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

    def ask(self, *names, **fields):
        return discovery_pb2.DiscoveryRequest(
            resource_names=names or [NAME], type_url=TYPE, node={"id": "python"}, **fields
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

    def test_sotw_is_read_by_an_independent_client(self):
        wasmxds = self.wasmxds()
        stream = self.stream(self.channel(wasmxds))
        stream.send(self.ask())
        response = stream.read()
        self.assertEqual(response.type_url, TYPE)
        self.assertTrue(response.nonce and response.version_info)
        self.assertTrue(response.control_plane.identifier.startswith("wasmxds/"))
        self.assertServed(response.resources[0])
        answer = {"version_info": response.version_info, "response_nonce": response.nonce}
        stream.send(self.ask(**answer))
        self.write("filter.yaml", extension(plugin="two"))
        self.assertServed(stream.read().resources[0], "two")

    def test_delta_is_read_by_an_independent_client(self):
        stream = self.stream(self.channel(self.wasmxds()), delta=True, ads=True)
        stream.send(
            discovery_pb2.DeltaDiscoveryRequest(type_url=TYPE, resource_names_subscribe=[NAME])
        )
        response = stream.read()
        (resource,) = response.resources
        self.assertEqual(resource.name, NAME)
        self.assertTrue(resource.version and response.nonce)
        self.assertServed(resource.resource)

    def test_unary_fetch_answers_with_all_that_there_is(self):
        self.write("other.yaml", extension("other"))
        wasmxds = self.wasmxds()
        wait_until(lambda: wasmxds.metric("wasmxds_extensions") == 2, "both extensions")
        channel = self.channel(wasmxds)
        stub = config_discovery_pb2_grpc.ExtensionConfigDiscoveryServiceStub(channel)
        response = stub.FetchExtensionConfigs(self.ask(NAME, "default/other", "no/such"))
        names = [self.decode(resource)[0] for resource in response.resources]
        self.assertEqual(names, [NAME, "default/other"])
        self.assertServed(response.resources[0])
        with self.assertRaises(grpc.RpcError) as caught:
            stub.FetchExtensionConfigs(self.ask("no/such"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_rule_breakers_are_told_so_and_end_alone(self):
        wasmxds = self.wasmxds()
        channel = self.channel(wasmxds)
        good = self.stream(channel)
        good.send(self.ask())
        self.assertServed(good.read().resources[0])
        wrong_type = discovery_pb2.DiscoveryRequest(type_url="type.googleapis.com/no.Such")
        for request, code in (
            (wrong_type, grpc.StatusCode.INVALID_ARGUMENT),
            (self.ask(*[f"n/{i}" for i in range(10001)]), grpc.StatusCode.INVALID_ARGUMENT),
            (self.ask("x" * 600), grpc.StatusCode.INVALID_ARGUMENT),
            (self.ask("x" * (5 << 20)), grpc.StatusCode.RESOURCE_EXHAUSTED),
        ):
            bad = self.stream(channel)
            bad.send(request)
            self.assertEqual(bad.code(), code)
        unknown = channel.stream_stream("/no.such.Service/Method")(iter(()))
        with self.assertRaises(grpc.RpcError) as caught:
            next(unknown)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.write("filter.yaml", extension(plugin="two"))
        good.send(self.ask(response_nonce="1"))
        self.assertServed(good.read().resources[0], "two")

    def test_flood_of_requests_that_say_nothing_new_ends_the_stream(self):
        stream = self.stream(self.channel(self.wasmxds()))
        stream.send(self.ask())
        stream.read()
        for _ in range(1000):
            stream.send(self.ask(response_nonce="stale"))
        self.assertEqual(stream.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_stream_over_the_limit_is_refused_and_the_others_stay(self):
        wasmxds = self.wasmxds("--max-streams", "3")
        channel = self.channel(wasmxds)
        streams = [self.stream(channel) for _ in range(3)]
        for stream in streams:
            stream.send(self.ask())
            self.assertServed(stream.read().resources[0])
        self.assertEqual(self.stream(channel).code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        streams[0].close()
        wait_until(lambda: wasmxds.metric("wasmxds_xds_streams") == 2, "a stream to be gone")
        another = self.stream(channel)
        another.send(self.ask())
        self.assertServed(another.read().resources[0])

    def test_clients_that_do_not_read_cost_only_themselves(self):
        self.write("filter.wasm", padded(BIG))
        wasmxds = self.wasmxds()
        reader = self.stream(self.channel(wasmxds))
        reader.send(self.ask())
        reader.read()
        before = memory(wasmxds)
        stalled = [self.stream(self.channel(wasmxds)) for _ in range(20)]
        for stream in stalled:
            stream.send(self.ask())
        wait_until(lambda: wasmxds.metric("wasmxds_xds_responses_total") >= 21, "21 responses")
        self.write("filter.yaml", extension(plugin="two"))
        reader.send(self.ask(response_nonce="1"))
        self.assertEqual(self.decode(reader.read().resources[0])[0], NAME)
        self.assertLess(memory(wasmxds) - before, 2 * BIG, "bytes for 20 stalled clients")

    def test_thousand_streams_at_once_are_all_served(self):
        wasmxds = self.wasmxds()
        channels = [self.channel(wasmxds) for _ in range(10)]
        done = []

        def run(channel):
            streams = [self.stream(channel) for _ in range(100)]
            for stream in streams:
                stream.send(self.ask())
            done.extend(stream.read().nonce for stream in streams)

        threads = [threading.Thread(target=run, args=(channel,)) for channel in channels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        self.assertEqual(len(done), 1000)
        self.assertEqual(wasmxds.metric("wasmxds_xds_streams"), 1000)


def memory(process):
    """Bytes of memory that a process holds now."""
    status = open(f"/proc/{process.pid}/status").read()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
