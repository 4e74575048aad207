# SPDX-License-Identifier: Apache-2.0
"""A registry that is dead, slow or hostile keeps nobody from another one."""

import socket
import threading
import time

from harness import Case, HttpSource, extension, module, padded
from processes import LOOPBACK, wait_equal, wait_until

MANY = 1000


class Silent:
    """A server that takes every connection and says nothing."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind((LOOPBACK, 0))
        self.socket.listen(128)
        self.server = f"{LOOPBACK}:{self.socket.getsockname()[1]}"
        self.connections = []
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self):
        while True:
            try:
                self.connections.append(self.socket.accept()[0])
            except OSError:
                return

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for each in [self.socket, *self.connections]:
            each.close()


class Failing(HttpSource):
    """A web server that answers 503 until it is told otherwise."""

    def __init__(self, body):
        super().__init__(body)
        self.status = 503


class FairnessTest(Case):
    def start(self, server):
        self.addCleanup(server.stop)
        return server

    def write_many(self, server, n=MANY):
        """n extensions, each with a module of its own at that server."""
        manifests = [
            extension(name=f"many{i}", protocol="http", uri=f"{server}/{i}/f.wasm")
            for i in range(n)
        ]
        self.write("many.yaml", "---\n".join(manifests))

    def programmed(self, wasmxds):
        return {line["name"] for line in wasmxds.records(msg="extension programmed")}

    def refused(self, wasmxds):
        return {line["name"] for line in wasmxds.records(msg="extension not programmed")}

    def write_one(self, name, source):
        self.write(f"{name}.yaml", extension(name=name, protocol="http", uri=source.uri))

    def test_thousand_extensions_on_a_silent_registry_keep_nobody_waiting(self):
        silent = self.start(Silent())
        known = self.start(HttpSource(module()))
        wasmxds = self.wasmxds("--allow-loopback", "--fetch-idle-timeout", "10m")
        self.write_one("first", known)
        wasmxds.wait_record(msg="extension programmed", name="default/first")

        self.write_many(silent.server)
        wait_until(lambda: silent.connections, "nobody asks the silent one")
        known.body = padded(1)
        self.write_one("known", known)
        self.write_one("unknown", self.start(HttpSource(padded(2))))
        for name in ("known", "unknown"):
            wasmxds.wait_record(msg="extension programmed", name=f"default/{name}")
        # nobody had to give the silent one up for that
        self.assertEqual(wasmxds.records(msg="extension not programmed"), [])
        self.assertLessEqual(len(silent.connections), 2)

    def test_registry_that_fails_is_left_alone_and_asked_once_at_a_time(self):
        failing = self.start(Failing(module()))
        server = failing.uri.partition("/")[0]
        wasmxds = self.wasmxds("--allow-loopback", "--fetch-tries", "1")
        self.write_many(server, 300)
        wait_equal(lambda: len(self.refused(wasmxds)), 300, "extensions with a reason")
        # far fewer than one each: the others were told at once
        self.assertLess(failing.requests, 60)
        alone = [line for line in wasmxds.log().splitlines() if "is left alone" in line]
        self.assertTrue(alone)
        self.assertTrue(all("reason=FetchFailed" in line for line in alone))

    def test_registry_that_is_well_again_serves_all_who_waited(self):
        failing = self.start(Failing(module()))
        server = failing.uri.partition("/")[0]
        wasmxds = self.wasmxds("--allow-loopback", "--fetch-tries", "1")
        self.write_many(server, 20)
        wait_until(lambda: "is left alone" in wasmxds.log(), "not left alone")
        failing.status = 200
        wait_equal(lambda: len(self.programmed(wasmxds)), 20, "programmed", limit=150)

    def test_begins_no_more_fetches_in_a_second_than_told(self):
        source = self.start(HttpSource(module()))
        server = source.uri.partition("/")[0]
        wasmxds = self.wasmxds("--allow-loopback", "--fetch-host-rate", "5")
        began = time.monotonic()
        self.write_many(server, 20)
        wait_equal(lambda: len(self.programmed(wasmxds)), 20, "programmed")
        # five at once, then five a second
        self.assertGreater(time.monotonic() - began, 15 / 5 - 0.2)
