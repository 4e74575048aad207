# SPDX-License-Identifier: Apache-2.0
"""The examples that people copy are right."""

import re
import subprocess

from certificates import Authority
from harness import Case, extension, module
from processes import ENVOY, LOOPBACK, TREE, Envoy

EXAMPLE = TREE / "examples/header-filter"


class ExamplesTest(Case):
    def test_manifest_of_the_example_is_valid(self):
        result = self.run_command("validate", EXAMPLE / "extension.yaml")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_envoy_accepts_the_examples_bootstrap(self):
        bootstrap = EXAMPLE / "envoy.yaml"
        command = [ENVOY, "--mode", "validate", "--log-level", "error", "-c", bootstrap]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_bootstrap_of_the_installation_waits_and_is_served_by_mtls(self):
        authority = Authority(self.folder)
        server = authority.issue("server", "DNS:wasmxds-xds.wasmxds.svc")
        client = authority.issue("edge-1")
        policy = self.folder / "policy"
        policy.write_text("edge-1 *\n")
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension("header-filter"))
        flags = [f"--tls-cert={server['cert']}", f"--tls-key={server['key']}"]
        flags += [f"--tls-client-ca={authority.cert}", f"--client-policy={policy}"]
        wasmxds = self.wasmxds(*flags)
        wasmxds.stop()

        text = (TREE / "docs/install.md").read_text()
        (text,) = re.findall(r"```yaml\n(node:.*?)```", text, re.S)
        for old, new in (
            ("address: 0.0.0.0, port_value: 8080", f"address: {LOOPBACK}, port_value: 0"),
            (
                "address: wasmxds-xds.wasmxds.svc, port_value: 8610",
                f"address: {LOOPBACK}, port_value: {wasmxds.port.number}",
            ),
            ("initial_fetch_timeout: 15s", "initial_fetch_timeout: 1s"),
            ("/etc/envoy/tls/tls.crt", str(client["cert"])),
            ("/etc/envoy/tls/tls.key", str(client["key"])),
            ("/etc/envoy/tls/ca.crt", str(authority.cert)),
        ):
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        admin = f"address: {LOOPBACK}, port_value: 0"
        text += f"admin: {{address: {{socket_address: {{{admin}}}}}}}\n"
        envoy = Envoy(self.folder, wasmxds.port.number, ["default/header-filter"])
        envoy.bootstrap = self.folder / "bootstrap.yaml"
        envoy.bootstrap.write_text(text)
        self.processes.append(envoy)
        envoy.start()
        self.addCleanup(self._end, envoy)
        # Its default_config does nothing.
        self.assertEqual(envoy.header(), [])
        wasmxds.start()
        self.assertHeader(envoy, "one")
