# SPDX-License-Identifier: Apache-2.0
"""What a client on go-control-plane's types reads: Envoy's own rules find nothing wrong with it."""

import base64
import functools
import json
import pathlib
import subprocess

from certificates import Authority
from harness import Case, extension, module
from processes import LOOPBACK, TREE, Process, wait_until

TYPE = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
WASM = "type.googleapis.com/envoy.extensions.filters.{}.wasm.v3.Wasm"
STREAMS = ("sotw", "delta", "ads", "ads-delta")
OPTIONS = {
    "fail_policy": "fail_reload",
    "reload_backoff": {"base_interval": "1.5s", "max_interval": "1m"},
    "environment": {"host_env_keys": ["PATH"], "key_values": {"MODE": "fast"}},
    "capabilities": {"allowed": ["proxy_log", "proxy_on_configure"]},
    "allow_precompiled": True,
    "nack_on_code_cache_miss": True,
    "allow_on_headers_stop_iteration": False,
}


@functools.cache
def reader_program():
    built = subprocess.check_output([TREE / "tools/build-bench"], text=True).strip()
    return pathlib.Path(built) / "reader"


class Reader(Process):
    """tests/bench/reader, on one stream."""

    def __init__(self, folder, port, method, names, ca=None):
        super().__init__(f"reader-{method}", folder)
        tls = ["--tls-ca", ca] if ca else []
        self.command = [reader_program(), "--method", method, *tls, f"{LOOPBACK}:{port}", *names]

    def start(self):
        self.spawn(self.command)

    def lines(self):
        return [json.loads(line) for line in self.log().split("\n")[:-1]]

    def wait_lines(self, n):
        """Waits for n responses; returns the last."""
        return wait_until(lambda: len(self.lines()) >= n and self.lines(), f"{n} responses")[n - 1]


class ReaderTest(Case):
    def reader(self, wasmxds, method, *names, ca=None):
        process = Reader(self.folder, wasmxds.port.number, method, names, ca)
        self.processes.append(process)
        self.addCleanup(self._end, process)
        process.start()
        return process

    def assertRead(self, line, name="default/filter", plugin="one", kind="http"):
        """Asserts that the response is as it should be; returns its PluginConfig."""
        self.assertIsNone(line["problems"])
        self.assertIsNone(line["removed"])
        self.assertEqual(line["type_url"], TYPE)
        self.assertTrue(line["version"] and line["nonce"])
        self.assertRegex(line["control_plane"], r"^wasmxds/\d")
        (resource,) = line["resources"]
        self.assertEqual(resource["name"], name)
        typed = resource["config"]["typedConfig"]
        self.assertEqual(typed["@type"], WASM.format(kind))
        config = typed["config"]
        self.assertEqual((config["name"], config["configuration"]["value"]), (name, plugin))
        bytes64 = config["vmConfig"]["code"]["local"]["inlineBytes"]
        self.assertEqual(base64.b64decode(bytes64), module())
        return config

    def test_each_stream_is_read_and_so_is_its_update(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        readers = [self.reader(wasmxds, method, "default/filter") for method in STREAMS]
        first = [reader.wait_lines(1) for reader in readers]
        for line in first:
            self.assertRead(line)
        self.assertEqual(len({line["version"] for line in first}), 1, "versions of one resource")
        self.write("filter.yaml", extension(plugin="two"))
        for reader in readers:
            self.assertRead(reader.wait_lines(2), plugin="two")

    def test_each_response_of_a_stream_is_about_one_resource(self):
        names = [f"default/f{i}" for i in range(4)]
        self.write("filter.wasm", module())
        for i in range(4):
            self.write(f"{i}.yaml", extension(f"f{i}", plugin=str(i)))
        wasmxds = self.wasmxds()
        for reader in [self.reader(wasmxds, method, *names) for method in STREAMS]:
            reader.wait_lines(4)
            self.assertEqual(len({line["nonce"] for line in reader.lines()}), 4)
            for line in reader.lines():
                name = line["resources"][0]["name"]
                self.assertRead(line, name, name.removeprefix("default/f"))

    def test_every_option_is_read_and_allowed(self):
        lines = (f"  {field}: {json.dumps(value)}\n" for field, value in OPTIONS.items())
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension() + "".join(lines))
        wasmxds = self.wasmxds()
        for method in STREAMS:
            plugin = self.assertRead(self.reader(wasmxds, method, "default/filter").wait_lines(1))
            vm = plugin["vmConfig"]
            allowed = {"allowedCapabilities": {"proxy_log": {}, "proxy_on_configure": {}}}
            environment = {"hostEnvKeys": ["PATH"], "keyValues": {"MODE": "fast"}}
            backoff = {"baseInterval": "1.500s", "maxInterval": "60s"}
            self.assertEqual(plugin["failurePolicy"], "FAIL_RELOAD")
            self.assertEqual(plugin["reloadConfig"], {"backoff": backoff})
            self.assertEqual(plugin["capabilityRestrictionConfig"], allowed)
            self.assertEqual(vm["capabilityRestrictionConfig"], allowed)
            self.assertEqual(vm["environmentVariables"], environment)
            self.assertTrue(vm["allowPrecompiled"] and vm["nackOnCodeCacheMiss"])
            self.assertIs(plugin["allowOnHeadersStopIteration"], False)

    def test_network_filter_is_read(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension() + "  filter: network\n")
        reader = self.reader(self.wasmxds(), "delta", "default/filter")
        self.assertRead(reader.wait_lines(1), kind="network")

    def test_fetch_is_read_over_tls(self):
        authority = Authority(self.folder)
        server = authority.issue("server", f"IP:{LOOPBACK}")
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds("--tls-cert", server["cert"], "--tls-key", server["key"])
        wait_until(lambda: wasmxds.metric("wasmxds_extensions") == 1, "the extension")
        reader = self.reader(wasmxds, "fetch", "default/filter", "no/such", ca=authority.cert)
        wait_until(lambda: not reader.running, "the end of the call")
        self.assertEqual(reader.child.returncode, 0)
        self.assertRead(reader.wait_lines(1))
        reader.stopped = True
