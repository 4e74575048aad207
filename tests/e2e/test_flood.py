# SPDX-License-Identifier: Apache-2.0
"""Clients that speak HTTP/2 and mean no good: what they cost is bounded, and nobody else pays it."""

import contextlib
import json
import socket
import struct

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf.message import Message

from clients import NAME, ClientCase, memory
from harness import extension, padded
from processes import LIMIT, LOOPBACK, wait_until

SERVICE = "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/"
METHOD = SERVICE + "StreamExtensionConfigs"
FETCH = SERVICE + "FetchExtensionConfigs"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_HEADERS = 4
FLOOD = 50_000
RESETS = 20_000
AHEAD = 10_000  # answers to pings that gRPC keeps before it ends a connection
PIECE = 8192  # bytes that gRPC keeps for what came in one piece, however small
MIB = 1 << 20


def frame(kind, stream, payload=b"", flags=0):
    head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
    return head + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header of HPACK: name is its index in the static table, or text."""
    text = value.encode()
    number = bytes([name]) if isinstance(name, int) else b"\0" + bytes([len(name)]) + name.encode()
    if len(text) < 127:
        return number + bytes([len(text)]) + text
    rest, length = len(text) - 127, b"\x7f"
    while rest >= 128:
        rest, length = rest >> 7, length + bytes([rest & 127 | 128])
    return number + length + bytes([rest]) + text


def headers(stream, *more):
    """The head of a call of METHOD."""
    block = b"\x83\x86" + literal(4, METHOD) + literal(1, "x") + literal("te", "trailers")
    block += literal("content-type", "application/grpc") + b"".join(more)
    return frame(HEADERS, stream, block, END_HEADERS)


def message(stream, request: Message):
    """A message, in which "#" is a byte that is in no text."""
    body = request.SerializeToString().replace(b"#", b"\xff")
    return frame(DATA, stream, struct.pack(">BI", 0, len(body)) + body)


class Wire:
    """One connection, which answers nothing by itself."""

    def __init__(self, port, greeted=True):
        self.socket = socket.create_connection((LOOPBACK, port), timeout=LIMIT)
        self.buffer = b""
        if greeted:
            self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0))

    def send(self, octets):
        self.socket.sendall(octets)

    def try_send(self, octets):
        """Returns whether the server still took that."""
        try:
            self.send(octets)
        except OSError:
            return False
        return True

    def frames(self, limit=LIMIT):
        """(kind, stream, payload) of all that comes, until the server ends the connection."""
        self.socket.settimeout(limit)
        with contextlib.suppress(ConnectionError):
            while octets := self.socket.recv(MIB):
                self.buffer += octets
                while len(self.buffer) >= 9:
                    length = int.from_bytes(self.buffer[:3], "big")
                    if len(self.buffer) < 9 + length:
                        break
                    stream = int.from_bytes(self.buffer[5:9], "big")
                    yield self.buffer[3], stream, self.buffer[9 : 9 + length]
                    self.buffer = self.buffer[9 + length :]

    def close(self):
        self.socket.close()


class FloodTest(ClientCase):
    def setUp(self):
        super().setUp()
        self.server = self.wasmxds()
        self.good = self.stream(self.channel(self.server))
        self.good.send(self.ask())
        self.assertServed(self.good.read().resources[0])
        self.before = memory(self.server)

    def wire(self, **options):
        wire = Wire(self.server.port.number, **options)
        self.addCleanup(wire.close)
        return wire

    def assertUnharmed(self, memory_bytes=64 * MIB):
        """Asserts that the good client is served still, and what the others cost at most."""
        self.write("filter.yaml", extension(plugin="two"))
        self.good.send(self.ask(response_nonce="1"))
        self.assertServed(self.good.read().resources[0], "two")
        self.assertLess(memory(self.server) - self.before, memory_bytes)
        self.assertTrue(self.server.running)

    def wait_streams(self, n):
        wait_until(lambda: self.server.metric("wasmxds_xds_streams") == n, f"{n} streams")

    def test_streams_that_are_reset_at_once_leave_nothing_behind(self):
        wire = self.wire()
        for stream in range(1, 2 * RESETS, 2):
            wire.send(headers(stream) + frame(RST_STREAM, stream, bytes(4)))
        self.assertUnharmed(memory_bytes=RESETS * PIECE)
        self.wait_streams(1)
        self.assertEqual(len(self.server.records(msg="stream opened")), 1)

    def test_flood_of_pings_ends_its_connection(self):
        wire = self.wire()
        for _ in range(FLOOD):
            if not wire.try_send(frame(PING, 0, bytes(8))):
                break
        kinds = [kind for kind, _, _ in wire.frames()]
        self.assertLess(kinds.count(PING), FLOOD)
        self.assertUnharmed(memory_bytes=AHEAD * PIECE)

    def test_flood_of_settings_from_who_does_not_read_is_bounded(self):
        wire = self.wire()
        wire.socket.settimeout(2)
        for _ in range(FLOOD):
            if not wire.try_send(frame(SETTINGS, 0)):
                break
        self.assertUnharmed()

    def test_metadata_over_the_limit_is_refused(self):
        wire = self.wire()
        wire.send(headers(1, literal("x-big", "x" * 16000), literal("x-big", "x" * 300)))
        self.assertUnharmed()
        self.assertEqual(self.server.metric("wasmxds_xds_streams"), 1)

    def test_text_that_is_no_utf8_hides_nobody(self):
        """All that a client may call itself, or what it wants, stands in what others read as JSON."""
        wire = self.wire()
        wire.send(headers(1) + message(1, self.ask(NAME, "a/#", node={"id": "#"})))
        next(kind for kind, _, _ in wire.frames() if kind == DATA)
        refusal = {"code": 3, "message": "#" * 2000}
        wire.send(message(1, self.ask(NAME, "a/#", response_nonce="1", error_detail=refusal)))
        wait_until(lambda: self.server.metric("wasmxds_xds_nacks_total") == 1, "the refusal")
        clients = json.loads(self.server.admin("/clients").body)["clients"]
        self.assertEqual(sorted(client["node"] for client in clients), ["?", "python"])
        (odd,) = (client for client in clients if client["node"] == "?")
        self.assertEqual(sorted(each["name"] for each in odd["resources"]), ["a/?", NAME])
        summary = [json.loads(line) for line in self.server.admin("/summary").body.splitlines()]
        self.assertEqual((summary[0]["nacked"], summary[0]["reason"]), (1, "?" * 1024))

    def test_what_is_no_http2_harms_nobody(self):
        plain = self.wire(greeted=False)
        plain.send(b"GET / HTTP/1.1\r\n\r\n")
        self.assertNotIn(DATA, [kind for kind, _, _ in plain.frames()])
        for octets in (bytes(1000), frame(DATA, 1, b"?"), frame(HEADERS, 1, b"\xff" * 99, 4)):
            self.wire().send(octets)
        self.assertUnharmed()
        self.assertEqual(self.server.metric("wasmxds_xds_streams"), 1)


class PatienceTest(ClientCase):
    """What the server has patience for, and what not; its limits are waited for side by side."""

    def setUp(self):
        super().setUp()
        self.write("filter.wasm", padded(24 * MIB))  # more than gRPC reads ahead
        self.server = self.wasmxds()
        wait_until(lambda: self.server.metric("wasmxds_extensions") == 1, "the extension")

    def wire(self, **options):
        wire = Wire(self.server.port.number, **options)
        self.addCleanup(wire.close)
        return wire

    def test_who_says_nothing_or_is_gone_is_ended_and_who_reads_slowly_is_not(self):
        mute = self.wire(greeted=False)
        gone = self.wire()
        gone.send(headers(1) + message(1, self.ask()))
        silent = self.stream(self.channel(self.server))
        slow = self.channel(self.server).unary_stream(
            FETCH,
            discovery_pb2.DiscoveryRequest.SerializeToString,
            discovery_pb2.DiscoveryResponse.FromString,
        )(self.ask())
        self.assertNotIn(DATA, [kind for kind, _, _ in mute.frames()])
        self.assertEqual(silent.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertEqual(len([self.decode(r) for r in next(slow).resources]), 1)
        self.assertEqual(slow.code(), grpc.StatusCode.OK)
        self.assertEqual(self.server.metric("wasmxds_xds_streams"), 1)
        # until a ping that nobody answers
        self.assertIn(PING, [kind for kind, _, _ in gone.frames(limit=3 * LIMIT)])
        wait_until(lambda: self.server.metric("wasmxds_xds_streams") == 0, "the stream's end")
