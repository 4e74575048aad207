# SPDX-License-Identifier: Apache-2.0
"""Thousands who connect to the webhook and never ask anything hold up nobody who does."""

import http.client
import json
import pathlib
import re
import resource
import socket
import ssl
import time
import warnings

from certificates import Authority
from harness import Case
from manifests_table import GOOD, manifest
from processes import LIMIT, LOOPBACK
from webhooks import Webhook

IDLE, HALF, SLOW, LIVE = 2000, 500, 100, 200
MAX = 1024  # --max-connections' default
MIB = 1 << 20
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00"  # the first bytes of one


class Flood(Case):
    def setUp(self):
        super().setUp()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for both ends
        authority = Authority(self.folder)
        pair = authority.issue("webhook", f"IP:{LOOPBACK}")
        flags = ["--tls-cert", pair["cert"], "--tls-key", pair["key"], "--check-access=false"]
        self.webhook = Webhook(self.folder, [*flags, "--pin=false"])
        self.processes.append(self.webhook)
        self.addCleanup(self.webhook.port.release)
        self.addCleanup(self._end, self.webhook)
        self.webhook.start()
        self.context = ssl.create_default_context(cafile=authority.cert)
        self.open = []
        self.addCleanup(self.hang_up)

    def hang_up(self):
        for connection in self.open:
            connection.close()

    def connect(self):
        connection = socket.create_connection((LOOPBACK, self.webhook.port.number), LIMIT)
        self.open.append(connection)
        return connection

    def ask(self):
        """One review over a connection of its own; returns how long it took."""
        request = {"uid": "1", "operation": "CREATE", "namespace": "default", "name": "a"}
        group = {"group": "wasmxds.tetrate.io", "version": "v1alpha1", "kind": "WasmExtension"}
        request |= {"kind": group, "object": manifest(GOOD[0], "a", "default")}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        body = json.dumps({**review, "request": request})
        began = time.monotonic()
        connection = http.client.HTTPSConnection(
            LOOPBACK, self.webhook.port.number, timeout=LIMIT, context=self.context
        )
        try:
            connection.request("POST", "/validate", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        self.assertEqual(answer.status, 200, said)
        self.assertTrue(json.loads(said)["response"]["allowed"], said)
        return time.monotonic() - began

    def slow_ask(self):
        """What one in twenty takes longer than: the very longest is up to the machine."""
        return sorted(self.ask() for _ in range(LIVE))[LIVE * 19 // 20]

    def resident(self):
        status = pathlib.Path(f"/proc/{self.webhook.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def connections(self):
        return self.webhook.metric("wasmxds_webhook_connections")

    def test_silence_holds_up_nobody(self):
        calm = self.slow_ask()
        before = self.resident()
        for _ in range(IDLE):
            self.connect()
        for _ in range(HALF):
            self.connect().sendall(CLIENT_HELLO)
        for _ in range(SLOW):
            secure = self.context.wrap_socket(self.connect(), server_hostname=LOOPBACK)
            self.open.append(secure)
            secure.sendall(b"POST /validate HTTP/1.1\r\nX-Slow: ")
        flooded = self.slow_ask()
        self.assertLess(flooded, calm + 1)
        self.assertLessEqual(self.connections(), MAX + 64)
        self.assertLess(self.resident() - before, 64 * MIB)
        # A byte now and then keeps nobody in.
        deadline = time.monotonic() + LIMIT
        while self.connections() > 1 and time.monotonic() < deadline:
            for connection in self.open[-SLOW:]:
                try:
                    connection.sendall(b"x")
                except OSError:
                    pass
            time.sleep(0.5)
        self.assertLessEqual(self.connections(), 1)
        self.ask()

    def test_what_is_too_large_is_refused_and_takes_no_memory(self):
        before = self.resident()
        for n in range(10):
            connection = http.client.HTTPSConnection(
                LOOPBACK, self.webhook.port.number, timeout=LIMIT, context=self.context
            )
            body = b" " * (7 * MIB + 1)
            headers = {"Content-Type": "application/json"}
            chunks = iter([body]) if n % 2 else body
            connection.request("POST", "/validate", chunks, headers, encode_chunked=bool(n % 2))
            self.assertEqual(connection.getresponse().status, 413)
            connection.close()
        self.assertLess(self.resident() - before, 16 * MIB)
        self.ask()

    def test_nothing_older_than_tls_1_2_is_spoken(self):
        with warnings.catch_warnings(action="ignore"):
            self.context.set_ciphers("ALL:@SECLEVEL=0")  # or the client would not dare
            self.context.minimum_version = ssl.TLSVersion.TLSv1
            self.context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaisesRegex(ssl.SSLError, "ALERT|closed"):  # by the webhook
            self.context.wrap_socket(self.connect(), server_hostname=LOOPBACK)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.wrap_socket(self.connect(), server_hostname=LOOPBACK).close()

    def test_nonsense_is_answered_by_a_4xx(self):
        cases = {
            "nothing": b"",
            "no JSON": b"{",
            "100,000 levels": b"[" * 100000,
            "a key twice": b'{"kind":"a","kind":"b"}',
            "invalid UTF-8": b'{"kind":"\xff"}',
            "another kind": b'{"kind":"Pod","apiVersion":"v1"}',
            "v1beta1": b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}',
        }
        for title, body in cases.items():
            with self.subTest(title):
                connection = http.client.HTTPSConnection(
                    LOOPBACK, self.webhook.port.number, timeout=LIMIT, context=self.context
                )
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/mutate", body, headers)
                answer = connection.getresponse()
                said = answer.read().decode()
                connection.close()
                self.assertEqual(answer.status, 400)
                self.assertRegex(said, r"^\S.*\n$")
        self.ask()
