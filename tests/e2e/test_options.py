# SPDX-License-Identifier: Apache-2.0
"""The optional fields of a WasmExtension, at work in Envoy."""

import functools
import json
import os
import pathlib
import socket
import subprocess
import tempfile

from harness import Case, extension, module
from processes import LIMIT, LOOPBACK, wait_equal

FILTERS = pathlib.Path(__file__).parent / "filters"
CLANG = (
    "clang --target=wasm32 -std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -fno-builtin"
    " -nostdlib -Wl,--no-entry -Wl,-z,stack-size=16384 -Wl,--strip-debug"
).split()

# All that the example filter uses, and that Envoy must call of it.
CAPABILITIES = [
    "proxy_add_header_map_value",
    "proxy_get_buffer_bytes",
    "proxy_log",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_done",
    "proxy_on_response_headers",
    "proxy_on_vm_start",
]


@functools.cache
def build(name):
    """The bytes of a filter of tests/e2e/filters."""
    with tempfile.TemporaryDirectory(prefix="wasmxds-e2e-") as folder:
        compiled = pathlib.Path(folder) / "filter.wasm"
        subprocess.run([*CLANG, "-o", compiled, FILTERS / f"{name}.c"], check=True)
        return compiled.read_bytes()


def with_options(plugin="one", **options):
    """extension(), and these fields of spec."""
    lines = (f"  {field}: {json.dumps(value)}\n" for field, value in options.items())
    return extension(plugin=plugin) + "".join(lines)


class OptionCase(Case):
    def serve(self, wasm, *flags, envoy=None, **options):
        """Starts both with default/filter, of these bytes and options."""
        self.write("filter.wasm", wasm)
        self.write("filter.yaml", with_options(**options))
        wasmxds = self.wasmxds(*flags)
        return wasmxds, self.envoy(wasmxds, **(envoy or {}))


class NetworkTest(OptionCase):
    def exchange(self, envoy, text):
        """The line that comes back over a connection of its own, behind an echo; None if closed."""
        with socket.create_connection((LOOPBACK, envoy.port), timeout=LIMIT) as connection:
            try:
                connection.sendall(f"{text}\n".encode())
                with connection.makefile(encoding="utf-8") as lines:
                    return lines.readline().rstrip("\n") or None
            except ConnectionError:
                return None

    def network_filter(self, transport):
        network = {"network": True, "transport": transport}
        _, envoy = self.serve(build("network"), envoy=network, filter="network", plugin="one ")
        self.assertEqual(self.exchange(envoy, "hello"), "one hello")
        self.write("filter.yaml", with_options(filter="network", plugin="two "))
        wait_equal(lambda: self.exchange(envoy, "hello"), "two hello", "the update")

    def test_network_filter_changes_a_connection(self):
        self.network_filter("grpc")

    def test_network_filter_changes_a_connection_by_delta_ads(self):
        self.network_filter("ads-delta")

    def test_network_filter_changes_a_connection_by_rest(self):
        self.network_filter("rest")

    def kill_vm(self, **options):
        options = {"filter": "network", "plugin": "one ", **options}
        _, envoy = self.serve(build("network"), envoy={"network": True}, **options)
        self.assertIsNone(self.exchange(envoy, ""))
        return envoy

    def test_connections_are_closed_with_fail_closed(self):
        self.assertIsNone(self.exchange(self.kill_vm(), "hello"))

    def test_connections_pass_with_fail_open(self):
        self.assertEqual(self.exchange(self.kill_vm(fail_policy="fail_open"), "hello"), "hello")


class EnvironmentTest(OptionCase):
    def test_filter_sees_its_environment_and_no_more(self):
        keys = {"MODE": "fast", "EMPTY": ""}
        environment = {"host_env_keys": ["PATH", "WASMXDS_ABSENT"], "key_values": keys}
        _, envoy = self.serve(build("environment"), environment=environment)
        path = f"PATH={os.environ['PATH']}"
        self.assertHeader(envoy, "EMPTY=", "MODE=fast", path, header="x-env")

    def test_changed_environment_reaches_the_filter(self):
        options = {"environment": {"key_values": {"MODE": "fast"}}}
        _, envoy = self.serve(build("environment"), **options)
        self.assertHeader(envoy, "MODE=fast", header="x-env")
        options["environment"]["key_values"]["MODE"] = "slow"
        self.write("filter.yaml", with_options(**options))
        self.assertHeader(envoy, "MODE=slow", header="x-env")


class CapabilitiesTest(OptionCase):
    def test_filter_works_with_what_it_needs(self):
        _, envoy = self.serve(module(), capabilities={"allowed": CAPABILITIES})
        self.assertHeader(envoy, "one")

    def test_filter_cannot_do_what_it_is_not_allowed(self):
        allowed = [name for name in CAPABILITIES if name != "proxy_add_header_map_value"]
        _, envoy = self.serve(module(), capabilities={"allowed": allowed})
        self.assertHeader(envoy)
        self.write("filter.yaml", with_options(capabilities={"allowed": CAPABILITIES}))
        self.assertHeader(envoy, "one")


class FailPolicyTest(OptionCase):
    """What becomes of requests once one has killed the filter's VM."""

    def kill_vm(self, **options):
        _, envoy = self.serve(build("trap"), **options)
        self.assertHeader(envoy, "yes", header="x-alive")
        envoy.get("/trap")
        return envoy

    def assertClosed(self, envoy):
        for _ in range(3):
            self.assertEqual(envoy.get().status, 503)

    def test_requests_fail_where_no_policy_is_given(self):
        self.assertClosed(self.kill_vm())

    def test_requests_fail_with_fail_closed(self):
        self.assertClosed(self.kill_vm(fail_policy="fail_closed"))

    def test_requests_pass_with_fail_open(self):
        envoy = self.kill_vm(fail_policy="fail_open")
        for _ in range(3):
            self.assertEqual(envoy.header("x-alive"), [])

    def test_filter_comes_back_with_fail_reload(self):
        backoff = {"base_interval": "50ms", "max_interval": "1s"}
        envoy = self.kill_vm(fail_policy="fail_reload", reload_backoff=backoff)
        self.assertHeader(envoy, "yes", header="x-alive")

    def test_filter_is_not_reloaded_before_the_interval_is_over(self):
        envoy = self.kill_vm(fail_policy="fail_reload", reload_backoff={"base_interval": "1h"})
        self.assertClosed(envoy)


class DumpTest(OptionCase):
    """What Envoy says that it has been given."""

    def config(self, envoy):
        dump = next(d for d in envoy.config_dump()["configs"] if "EcdsConfigDump" in d["@type"])
        return dump["ecds_filters"][0]["ecds_filter"]["typed_config"]["config"]

    def test_every_option_reaches_envoy(self):
        self.every_option("grpc")

    def test_every_option_reaches_envoy_by_rest(self):
        self.every_option("rest")

    def every_option(self, transport):
        options = {
            "fail_policy": "fail_reload",
            "reload_backoff": {"base_interval": "1.5s", "max_interval": "1m"},
            "environment": {"key_values": {"MODE": "fast"}},
            "capabilities": {"allowed": CAPABILITIES},
            "allow_precompiled": True,
            "nack_on_code_cache_miss": True,
            "allow_on_headers_stop_iteration": False,
        }
        _, envoy = self.serve(module(), envoy={"transport": transport}, **options)
        self.assertHeader(envoy, "one")
        plugin = self.config(envoy)
        vm = plugin["vm_config"]
        self.assertEqual(plugin["failure_policy"], "FAIL_RELOAD")
        backoff = {"base_interval": "1.500s", "max_interval": "60s"}
        self.assertEqual(plugin["reload_config"], {"backoff": backoff})
        self.assertIs(plugin["allow_on_headers_stop_iteration"], False)
        restriction = {"allowed_capabilities": {name: {} for name in CAPABILITIES}}
        self.assertEqual(plugin["capability_restriction_config"], restriction)
        self.assertEqual(vm["capability_restriction_config"], restriction)
        self.assertEqual(vm["environment_variables"], {"key_values": {"MODE": "fast"}})
        self.assertIs(vm["allow_precompiled"], True)
        self.assertIs(vm["nack_on_code_cache_miss"], True)
        self.assertRegex(vm["vm_id"], r"^filter#[0-9a-f]{16}$")

    def test_nothing_more_than_is_given_reaches_envoy(self):
        _, envoy = self.serve(module())
        plugin = self.config(envoy)
        self.assertEqual(set(plugin), {"name", "root_id", "vm_config", "configuration"})
        self.assertEqual(set(plugin["vm_config"]), {"vm_id", "runtime", "code", "configuration"})
        self.assertEqual(plugin["vm_config"]["vm_id"], "filter")
