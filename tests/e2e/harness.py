# SPDX-License-Identifier: Apache-2.0
"""What a test stands on: a folder of its own, manifests, modules, sources and traffic."""

import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from processes import FILTER, LIMIT, LOOPBACK, WASMXDS, Envoy, Meanwhile, Wasmxds, WebServer, wait_equal

TAIL_LINES = 40


REFETCH = "wasmxds.tetrate.io/refetch"


def extension(
    name="filter",
    namespace="default",
    plugin="one",
    vm="vm",
    vm_id=None,
    suspend=False,
    annotations=None,
    **image,
):
    """A WasmExtension as a user writes it.

    plugin and vm: a value, or what stands under valueFrom.  image: fields of spec.image.
    """
    image = {"protocol": "local_fs", "uri": "filter.wasm", **image}
    lines = "\n".join(f"    {key}: {json.dumps(value)}" for key, value in image.items())
    return f"""\
apiVersion: wasmxds.tetrate.io/v1alpha1
kind: WasmExtension
metadata:
  name: {name}
  namespace: {namespace}
  annotations: {json.dumps(annotations or {})}
spec:
  runtime: v8
  suspend: {json.dumps(suspend)}
  vm_id: {vm_id or name}
  root_id: {name}
  plugin_configuration: {configuration(plugin)}
  vm_configuration: {configuration(vm)}
  image:
{lines}
"""


def configuration(value):
    return json.dumps({"valueFrom" if isinstance(value, dict) else "value": value})


def module():
    """The example filter's bytes."""
    return FILTER.read_bytes()


def altered(old, new):
    """The example filter with one name in it replaced by another of the same length."""
    assert len(old) == len(new) and module().count(old) == 1, old
    return module().replace(old, new)


def padded(content):
    """The example filter with a custom section that holds content: bytes, or how many zeros."""
    body = b"\x03pad" + bytes(content)
    length, n = b"", len(body)
    while n >= 0x80:
        length += bytes([n & 0x7F | 0x80])
        n >>= 7
    return module() + b"\x00" + length + bytes([n]) + body


def digest(content):
    return hashlib.sha256(content).hexdigest()


class HttpSource(WebServer):
    """One that hands out one body for every path, and counts."""

    def __init__(self, body):
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                source.requests += 1
                source.gate.wait(LIMIT)
                self.answer()
                self.wfile.write(source.body)

            def do_HEAD(self):
                source.heads += 1
                self.answer()

            def answer(self):
                self.send_response(source.status)
                self.send_header("Content-Length", str(len(source.body)))
                if source.etag:
                    self.send_header("ETag", source.etag)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.body = body
        self.status = 200
        self.etag = None
        self.requests = 0  # by GET
        self.heads = 0
        self.gate = threading.Event()
        self.gate.set()
        self.uri = f"{self.serve(Handler)}/filter.wasm"

    def hold(self):
        """Keeps who asks waiting, until let_go()."""
        self.gate.clear()

    def let_go(self):
        self.gate.set()

    def stop(self):
        self.let_go()
        super().stop()


class Traffic(Meanwhile):
    """Sends requests, one after the other, until the with block ends; keeps what went wrong."""

    pause = 0.005  # seconds between two

    def __init__(self, envoy, want):
        super().__init__()
        self.envoy = envoy
        self.want = want
        self.answers = 0
        self.failures = []

    def run(self):
        while not self.ending.wait(self.pause):
            try:
                seen = self.ask()
            except OSError as e:
                seen = repr(e)
            self.answers += 1
            if not self.good(seen):
                self.failures.append(seen)

    def ask(self):
        return self.envoy.header()

    def good(self, seen):
        return seen == self.want


class Case(unittest.TestCase):
    """A test with a folder of its own; what it starts is stopped at its end, whatever happens."""

    def setUp(self):
        self.processes = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.manifests = self.folder / "manifests"
        self.manifests.mkdir()
        self.store = self.manifests / ".wasmxds"

    def write(self, name, content):
        """Puts a file among the manifests at once, as editors and GitOps tools do."""
        content = content.encode() if isinstance(content, str) else content
        temporary = self.manifests / f".{name}.new"
        temporary.write_bytes(content)
        os.replace(temporary, self.manifests / name)

    def remove(self, name):
        (self.manifests / name).unlink()

    def wasmxds(self, *flags):
        """Starts wasmxds; its end must be a clean one."""
        process = Wasmxds(self.folder, self.manifests, flags)
        self.processes.append(process)
        self.addCleanup(process.port.release)
        self.addCleanup(self._end, process)
        process.start()
        return process

    def envoy(self, wasmxds, *filters, ready=True, port=None, **options):
        """Starts an Envoy with these filters, default/filter where none is named.

        ready=False: does not wait until it has them.  port: where wasmxds does not say.
        """
        if port is None:
            rest = options.get("transport") == "rest"
            port = wasmxds.admin_port if rest else wasmxds.port.number
        name = f"envoy{len(self.processes)}"
        filters = filters or ("default/filter",)
        process = Envoy(self.folder, port, filters, name=name, **options)
        self.processes.append(process)
        self.addCleanup(self._end, process)
        process.start(ready)
        return process

    def envoy_without(self, wasmxds, *filters):
        """Starts an Envoy that is served nothing, and asserts that: it gives up after a second."""
        envoy = self.envoy(wasmxds, *filters, fetch_timeout=1)
        self.assertEqual(envoy.header(), 500)
        for name in envoy.filters:
            self.assertEqual(envoy.filter_stat(name, "update_success"), 0)
        return envoy

    def start_both(self, *flags, **options):
        """The usual beginning: default/filter with "one", served to an Envoy."""
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds(*flags)
        envoy = self.envoy(wasmxds, **options)
        self.assertHeader(envoy, "one")
        return wasmxds, envoy

    def assertHeader(self, envoy, *want, header="x-wasm-filter"):
        """Waits for the header to have these values and no others."""
        wait_equal(lambda: envoy.header(header), sorted(want), f"{envoy.name}: {header}")

    def run_command(self, *arguments, text=None):
        """Runs wasmxds to its end; returns what it printed and its exit code."""
        command = [WASMXDS, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)

    def _end(self, process):
        """Stops a process that the test left running; one that ended by itself is a failure."""
        if process.running:
            self.assertEqual(process.stop(), 0, f"{process.name}: exit code on SIGTERM")
        elif not process.stopped:
            self.fail(f"{process.name} ended by itself with {process.child.returncode}")

    def tails(self):
        """The last lines of every log, for the report of a failure."""
        for process in self.processes:
            lines = process.log().splitlines()[-TAIL_LINES:]
            yield f"--- {process.log_file.name}, the last {len(lines)} lines"
            yield from lines
