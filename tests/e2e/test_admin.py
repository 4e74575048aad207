# SPDX-License-Identifier: Apache-2.0
"""What is seen of the fleet: the admin port, `wasmxds status`, REST and unary discovery."""

import json

from harness import Case, digest, extension, module
from processes import in_time, wait_equal, wait_until

DISCOVERY = "/v3/discovery:extension_configs"


def ask(name="default/filter", version=""):
    return json.dumps({"resource_names": [name], "version_info": version, "node": {"id": "n"}})


class AdminTest(Case):
    def status(self, wasmxds, *flags):
        admin = f"http://127.0.0.1:{wasmxds.admin_port}"
        return self.run_command("status", "--admin", admin, *flags)

    def start_both(self, *flags, **options):
        """Envoy's filter is at work a moment before its ACK is read."""
        wasmxds, envoy = super().start_both(*flags, **options)
        wait_equal(lambda: self.state(wasmxds), ["SYNCED"], "state")
        return wasmxds, envoy

    def state(self, wasmxds, name="default/filter"):
        return [r["state"] for (_, n), r in wasmxds.clients().items() if n == name]

    def test_health_is_told(self):
        wasmxds, _ = self.start_both()
        for path in ("/livez", "/readyz"):
            self.assertEqual(wasmxds.admin(path)[::2], (200, "ok\n"))
        self.assertEqual(wasmxds.admin("/no-such-page").status, 404)
        self.assertEqual(wasmxds.admin("/clients", "{}").status, 405)

    def test_clients_and_status_tell_who_runs_what(self):
        wasmxds, _ = self.start_both()
        report = json.loads(wasmxds.admin("/clients").body)
        (client,) = report["clients"]
        (resource,) = client["resources"]
        (served,) = report["extensions"]
        self.assertEqual((client["node"], resource["state"]), ("envoy1", "SYNCED"))
        self.assertEqual(resource["running"], served["version"])
        self.assertEqual(served["module_sha256"], digest(module()))
        result = self.status(wasmxds)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"envoy1 +default/filter +SYNCED +" + served["version"][:12])
        self.assertEqual(json.loads(self.status(wasmxds, "-o", "json").stdout)["clients"][0]["node"], "envoy1")

    def summary(self, wasmxds):
        answer = wasmxds.admin("/summary")
        self.assertEqual(answer.status, 200)
        return [json.loads(line) for line in answer.body.splitlines()]

    def test_summary_counts_who_has_it_and_who_refused_it(self):
        wasmxds, envoy = self.start_both()
        ((_, accepted),) = wasmxds.clients().items()
        counts = {"name": "default/filter", "connected": 1, "acked": 1, "nacked": 0}
        self.assertEqual(self.summary(wasmxds), [{**counts, "version": accepted["running"]}])
        self.write("filter.yaml", extension(plugin="refuse this"))
        wait_equal(lambda: self.state(wasmxds), ["NACK"], "state")
        line, heard = self.summary(wasmxds)
        self.assertEqual((line["acked"], line["nacked"], line["node"]), (0, 1, "envoy1"))
        self.assertIn("Unable to create Wasm plugin", line["reason"])
        key = f"{line['version']}\ndefault/filter\n\nenvoy1"
        self.assertEqual(heard, {"refusal": key, "reason": line["reason"]})
        envoy.stop()
        wait_equal(lambda: self.summary(wasmxds), [heard], "nobody")

    def test_refusal_is_seen_within_two_seconds_and_heals(self):
        wasmxds, envoy = self.start_both()
        ((_, accepted),) = wasmxds.clients().items()
        good = accepted["running"]

        def refuse(attempt):
            if attempt:
                self.write("filter.yaml", extension())
                wait_equal(lambda: self.state(wasmxds), ["SYNCED"], "state")
            self.write("filter.yaml", extension(plugin="refuse this"))
            return wait_equal(lambda: self.state(wasmxds), ["NACK"], "state")

        in_time(2, refuse)
        result = self.status(wasmxds, "-o", "wide")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Unable to create Wasm plugin default/filter", result.stdout)
        self.assertEqual(wasmxds.metric("wasmxds_xds_nacks_total"), 1)
        self.assertHeader(envoy, "one")
        ((_, refused),) = wasmxds.clients().items()
        self.assertEqual(refused["running"], good)
        self.assertNotEqual(refused["version"], good)
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        wait_equal(lambda: self.state(wasmxds), ["SYNCED"], "state")
        self.assertEqual(self.status(wasmxds).returncode, 0)

    def test_missing_extension_is_told_apart(self):
        self.write("filter.wasm", module())
        wasmxds = self.wasmxds()
        self.envoy(wasmxds, ready=False)
        wait_equal(lambda: self.state(wasmxds), ["MISSING"], "state")
        self.assertEqual(self.status(wasmxds).returncode, 1)

    def test_status_says_when_nobody_answers(self):
        result = self.run_command("status", "--admin", "http://127.0.0.1:9")
        self.assertEqual(result.returncode, 2)
        self.assertIn("127.0.0.1:9", result.stderr)

    def test_metrics_follow_prometheus_rules(self):
        wasmxds, _ = self.start_both()
        lines = wasmxds.admin("/metrics").body.splitlines()
        helped = {line.split()[2] for line in lines if line.startswith("# HELP ")}
        typed = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE ")}
        self.assertEqual(helped, set(typed))
        for line in lines:
            if line.startswith("#"):
                continue
            name = line.partition("{")[0].partition(" ")[0]
            self.assertTrue(name.startswith("wasmxds_"), name)
            self.assertEqual(typed[name] == "counter", name.endswith("_total"), name)
        self.assertEqual(wasmxds.metric("wasmxds_xds_streams"), 1)
        self.assertEqual(wasmxds.metric("wasmxds_extensions"), 1)
        self.assertEqual(wasmxds.metric('wasmxds_xds_subscriptions{state="synced"}'), 1)

    def test_module_leaves_memory_with_its_last_subscriber(self):
        wasmxds, envoy = self.start_both()
        self.assertEqual(wasmxds.metric("wasmxds_modules_memory_bytes"), len(module()))
        envoy.stop()
        wait_equal(lambda: wasmxds.metric("wasmxds_modules_memory_bytes"), 0, "bytes in memory")

    def test_rest_discovery_answers_once_and_then_304(self):
        wasmxds, _ = self.start_both()
        answer = wasmxds.admin(DISCOVERY, ask())
        self.assertEqual(answer.status, 200)
        response = json.loads(answer.body)
        (resource,) = response["resources"]
        self.assertEqual(resource["name"], "default/filter")
        self.assertEqual(resource["typed_config"]["config"]["configuration"]["value"], "one")
        version = response["version_info"]
        self.assertEqual(wasmxds.admin(DISCOVERY, ask(version=version)).status, 304)
        self.assertEqual(wasmxds.admin(DISCOVERY, ask("default/absent")).status, 404)
        for bad in ("", "[]", "{}", '{"resource_names": ["a", "b"]}'):
            self.assertEqual(wasmxds.admin(DISCOVERY, bad).status, 400, bad)
        self.assertEqual(wasmxds.admin(DISCOVERY, " " * (1 << 20) + "{}").status, 413)

    def test_envoy_is_served_by_rest(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds, transport="rest")
        stat = lambda name: envoy.filter_stat("default/filter", name)
        self.assertHeader(envoy, "one")
        self.assertHeader(envoy, "vm", header="x-wasm-vm")
        asked = stat("update_attempt")
        wait_until(lambda: stat("update_attempt") > asked + 3, "looks at what is unchanged")
        self.assertEqual([stat(f"update_{s}") for s in ("failure", "rejected")], [0, 0])
        self.assertEqual(stat("config_reload"), 1)
        self.write("filter.yaml", extension(plugin='two "quoted"'))
        self.assertHeader(envoy, 'two "quoted"')

    def start_full_state(self):
        """Two filters on one ADS stream, each response with the full state."""
        self.write("filter.wasm", module())
        self.write("a.yaml", extension("a", plugin="one"))
        self.write("b.yaml", extension("b", plugin="two"))
        wasmxds = self.wasmxds("--sotw-full-state")
        envoy = self.envoy(wasmxds, "default/a", "default/b", transport="ads", unified_mux=True)
        self.assertHeader(envoy, "one", "two")
        return wasmxds, envoy

    def test_sotw_full_state_serves_two_filters_on_ads(self):
        wasmxds, envoy = self.start_full_state()
        self.write("a.yaml", extension("a", plugin="three"))
        self.assertHeader(envoy, "three", "two")
        self.assertEqual(envoy.filter_stat("default/b", "update_rejected"), 0)
        wait_until(lambda: self.status(wasmxds).returncode == 0, "all in sync")

    def test_sotw_full_state_is_refused_by_one_filter_and_heals(self):
        wasmxds, envoy = self.start_full_state()
        self.write("a.yaml", extension("a", plugin="refuse this"))
        wait_equal(lambda: self.state(wasmxds, "default/a"), ["NACK"], "state of a")
        wait_equal(lambda: self.state(wasmxds, "default/b"), ["SYNCED"], "state of b")
        self.write("b.yaml", extension("b", plugin="three"))
        self.assertHeader(envoy, "one", "three")
        self.assertEqual(self.state(wasmxds, "default/a"), ["NACK"])
        self.write("a.yaml", extension("a", plugin="four"))
        self.assertHeader(envoy, "four", "three")
        wait_until(lambda: self.status(wasmxds).returncode == 0, "all in sync")
        self.assertEqual(wasmxds.metric("wasmxds_xds_nacks_total"), 1)
