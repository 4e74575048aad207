# SPDX-License-Identifier: Apache-2.0
"""What an independent client reads, and what one that misbehaves can do: grpcio and Envoy's protos."""

import threading

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from envoy.service.extension.v3 import config_discovery_pb2_grpc

from clients import NAME, TYPE, ClientCase, memory
from fleet import Xds
from harness import digest, extension, padded
from processes import LIMIT, LOOPBACK, wait_equal, wait_until

BIG = 8 << 20


class ClientTest(ClientCase):
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
        asked = self.ask(NAME, "default/other", "no/such", NAME)
        response = stub.FetchExtensionConfigs(asked)
        names = [self.decode(resource)[0] for resource in response.resources]
        self.assertEqual(names, [NAME, "default/other"])
        self.assertServed(response.resources[0])
        with self.assertRaises(grpc.RpcError) as caught:
            stub.FetchExtensionConfigs(self.ask("no/such"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_response_that_no_protobuf_can_hold_is_refused(self):
        names = [f"default/f{i}" for i in range(33)]
        self.write("filter.wasm", padded(64 << 20))
        self.write("all.yaml", "---\n".join(extension(name[8:]) for name in names))
        wasmxds = self.wasmxds("--sotw-full-state")
        wait_until(lambda: wasmxds.metric("wasmxds_extensions") == 34, "all extensions", limit=300)
        channel = self.channel(wasmxds)
        stub = config_discovery_pb2_grpc.ExtensionConfigDiscoveryServiceStub(channel)
        with self.assertRaises(grpc.RpcError) as caught:
            stub.FetchExtensionConfigs(self.ask(*names))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        stream = self.stream(channel)
        stream.send(self.ask(*names))
        self.assertEqual(stream.code(), grpc.StatusCode.INTERNAL)
        self.assertEqual(len(stub.FetchExtensionConfigs(self.ask(*names[:1])).resources), 1)
        self.assertLess(memory(wasmxds), 512 << 20)

    def test_full_state_does_not_count_a_module_that_is_lost(self):
        self.write("lost.wasm", padded(100))
        self.write("lost.yaml", extension("lost", uri="lost.wasm"))
        keeper = self.wasmxds()
        wait_until(lambda: keeper.metric("wasmxds_extensions") == 2, "both extensions")
        keeper.stop()
        blob = self.store / "blobs/sha256" / digest(padded(100))
        content = blob.read_bytes()
        blob.unlink()
        wasmxds = self.serving("--sotw-full-state")
        stream = self.stream(self.channel(wasmxds))
        stream.send(self.ask(NAME, "default/lost"))
        response = stream.read()
        self.assertEqual([self.decode(r)[0] for r in response.resources], [NAME])
        answer = {"version_info": response.version_info, "response_nonce": response.nonce}
        stream.send(self.ask(NAME, "default/lost", **answer))
        state = lambda name: wasmxds.clients()["python", name]["state"]
        wait_equal(lambda: state(NAME), "SYNCED", "state")
        self.assertEqual(state("default/lost"), "STALE")
        blob.write_bytes(content)
        stream = self.stream(self.channel(wasmxds))
        stream.send(self.ask(NAME, "default/lost", version_info=response.version_info))
        names = {self.decode(r)[0] for r in stream.read().resources}
        self.assertEqual(names, {NAME, "default/lost"})

    def serving(self, *flags):
        """`wasmxds xds` over the store that another process filled."""
        process = Xds(self.folder, self.store, flags)
        self.processes.append(process)
        self.addCleanup(process.port.release)
        self.addCleanup(self._end, process)
        process.start()
        return process

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

    def open_thousand(self, wasmxds, request, delta=False):
        """Opens 1,000 streams on ten connections, with one request each."""
        streams = []

        def open_hundred(channel):
            hundred = [self.stream(channel, delta) for _ in range(100)]
            for stream in hundred:
                stream.send(request)
            streams.extend(hundred)

        in_threads(open_hundred, [self.channel(wasmxds) for _ in range(10)])
        return streams

    def test_thousand_streams_at_once_are_all_served(self):
        wasmxds = self.wasmxds()
        streams = self.open_thousand(wasmxds, self.ask())
        for stream in streams:
            self.assertServed(stream.read().resources[0])
        self.assertEqual(wasmxds.metric("wasmxds_xds_streams"), 1000)

    def test_thousand_streams_that_come_back_at_once_are_sent_what_is_new_alone(self):
        wasmxds = self.wasmxds()
        for stream in self.open_thousand(wasmxds, self.subscribe(), delta=True):
            version = stream.read().resources[0].version
        wasmxds.kill()
        wasmxds.start()
        streams = self.open_thousand(wasmxds, self.subscribe({NAME: version}), delta=True)
        late = self.stream(self.channel(wasmxds))
        late.send(self.ask())
        self.assertServed(late.read().resources[0])
        requests = lambda: wasmxds.metric("wasmxds_xds_requests_total")
        wait_equal(requests, 1001, "requests")
        self.assertEqual(wasmxds.metric("wasmxds_xds_responses_total"), 1)
        self.write("filter.yaml", extension(plugin="two"))
        for stream in streams:
            self.assertServed(stream.read().resources[0].resource, "two")

    def test_who_moves_to_another_replica_is_sent_what_is_new_alone(self):
        """The replicas have a store each, and nothing in common but the manifests."""
        names = [NAME, "default/b", "default/c"]
        for name in names[1:]:
            self.write(f"{name[-1]}.yaml", extension(name[-1]))
        one, two = (self.wasmxds("--store", self.folder / store) for store in ("one", "two"))
        wait_until(lambda: two.metric("wasmxds_extensions") == 3, "all extensions")
        sotw = self.stream(self.channel(one), ads=True)
        delta = self.stream(self.channel(one), delta=True, ads=True)
        sotw.send(self.ask(*names))
        delta.send(self.subscribe(names=names))
        held = {}
        for _ in names:
            response = sotw.read()
            answer = {"version_info": response.version_info, "response_nonce": response.nonce}
            sotw.send(self.ask(*names, **answer))
            (resource,) = delta.read().resources
            held[resource.name] = resource.version
        moved = [self.stream(self.channel(two), delta, ads=True) for delta in (False, True)]
        moved[0].send(self.ask(*names, version_info=response.version_info))
        moved[1].send(self.subscribe(held, names))
        wait_equal(lambda: two.metric("wasmxds_xds_requests_total"), 2, "requests")
        self.write("filter.yaml", extension(plugin="two"))
        self.assertServed(moved[0].read().resources[0], "two")
        self.assertServed(moved[1].read().resources[0].resource, "two")

    def test_status_tells_who_has_not_answered(self):
        wasmxds = self.wasmxds()
        stream = self.stream(self.channel(wasmxds))
        stream.send(self.ask())
        answer = {"response_nonce": stream.read().nonce}
        admin = ["status", "--admin", f"http://{LOOPBACK}:{wasmxds.admin_port}"]
        shown = self.run_command(*admin)
        self.assertRegex(shown.stdout, rf"python +{NAME} +STALE +\w+ +\d+s")
        age = int(shown.stdout.split()[-1].removesuffix("s"))
        self.assertEqual(shown.returncode, 1 if age >= 10 else 0)
        stream.send(self.ask(**answer))
        state = lambda: wasmxds.clients()["python", NAME]["state"]
        wait_equal(state, "SYNCED", "state")


def in_threads(run, arguments):
    """Calls run(argument) for each, side by side; returns when all have ended."""
    threads = [threading.Thread(target=run, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
