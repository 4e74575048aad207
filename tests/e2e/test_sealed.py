# SPDX-License-Identifier: Apache-2.0
"""What comes from a Secret is sealed on disk, and opens with the right key alone."""

import base64
import os
import re
import stat

from harness import Case, extension, module
from processes import LOOPBACK, WASMXDS, HeldPort, Process
from processes import fetch, parse_logfmt, wait_equal, wait_until
from test_values import FROM_CONFIG_MAP, FROM_SECRET, config_map, secret

HIDDEN = "hidden-Zq81x"  # in no other file
OTHER = "changed-Zq81x"


def key():
    return os.urandom(32).hex() + "\n"


class Xds(Process):
    """`wasmxds xds` over a store that another process fills."""

    def __init__(self, folder, store, flags=(), name="xds"):
        super().__init__(name, folder)
        self.store = store
        self.flags = flags
        self.port = HeldPort()

    def start(self):
        self.begin()
        self.wait_serving()

    def begin(self):
        ports = ["--listen", f"{LOOPBACK}:{self.port.number}", "--admin-listen", f"{LOOPBACK}:0"]
        self.spawn([WASMXDS, "xds", "--store", self.store, *ports, *self.flags])

    def wait_serving(self):
        serving = self.wait_up(lambda: self.records("serving"), "no line with msg=serving")[0]
        self.admin_port = int(serving["admin"].rpartition(":")[2])

    def records(self, msg):
        lines = (parse_logfmt(line) for line in self.log().splitlines())
        return [line for line in lines if line.get("msg") == msg]

    def admin(self, path):
        return fetch(self.admin_port, path)

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.admin("/metrics").body, re.M)
        return int(found[1])

    def sealed(self):
        return self.metric("wasmxds_store_records_sealed")


class SealedTest(Case):
    def xds(self, *flags):
        process = Xds(self.folder, self.store, flags)
        self.processes.append(process)
        self.addCleanup(process.port.release)
        self.addCleanup(self._end, process)
        process.start()
        return process

    def key_file(self, content=None):
        path = self.folder / "seal.keys"
        temporary = self.folder / ".seal.keys"
        temporary.write_text(content or key())
        temporary.rename(path)
        return path

    def write_extensions(self):
        """default/filter with a Secret's value, default/open without one."""
        self.write("filter.wasm", module())
        self.write("secret.yaml", secret(HIDDEN))
        self.write("filter.yaml", extension(plugin=FROM_SECRET))
        self.write("open.yaml", extension(name="open", plugin="for all"))

    def files_with(self, text):
        """The files of the store, and the logs, that hold text in any of its usual forms."""
        forms = [text.encode(), base64.b64encode(text.encode()), text.encode().hex().encode()]
        files = [path for path in self.store.rglob("*") if path.is_file()]
        files += self.folder.glob("*.log")
        self.assertGreater(len(files), 4)
        return [path for path in files if any(form in path.read_bytes() for form in forms)]

    def test_value_of_a_secret_is_in_no_file_log_metric_or_report(self):
        self.write_extensions()
        wasmxds = self.wasmxds("--log-level", "debug")
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, HIDDEN)
        self.write("secret.yaml", secret(OTHER))
        self.assertHeader(envoy, OTHER)
        for path in ("/metrics", "/clients", "/readyz", "/summary", "/", "/?extension=default/filter"):
            self.assertNotIn("Zq81x", wasmxds.admin(path).body)
        for value in (HIDDEN, OTHER):
            self.assertEqual(self.files_with(value), [])
        self.assertEqual(self.files_with("for all"), [self.store / "resources/default/open"])

    def test_records_and_the_key_are_their_owners_alone(self):
        self.write_extensions()
        wasmxds = self.wasmxds()
        self.envoy(wasmxds, "default/filter", "default/open")
        files = [*self.store.glob("resources/*/*"), self.manifests / ".wasmxds-seal.key"]
        self.assertEqual(len(files), 3)
        for path in files:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)

    def test_what_is_sealed_survives_a_restart_with_its_version(self):
        self.write_extensions()
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, HIDDEN)
        version = wasmxds.clients()["envoy1", "default/filter"]["version"]
        updates = envoy.filter_stat("default/filter", "config_reload")
        wasmxds.restart()
        wait_until(lambda: ("envoy1", "default/filter") in wasmxds.clients(), "no reconnect")
        resource = wasmxds.clients()["envoy1", "default/filter"]
        self.assertEqual(resource["version"], version)
        self.assertEqual(envoy.filter_stat("default/filter", "config_reload"), updates)
        self.assertHeader(envoy, HIDDEN)

    def test_wrong_key_shuts_what_is_sealed_and_nothing_else(self):
        self.write_extensions()
        self.write("second.yaml", extension(name="second", plugin=FROM_SECRET))
        right = key()
        wasmxds = self.wasmxds("--seal-key", self.key_file(right))
        for name in ("filter", "second", "open"):
            wasmxds.wait_record(msg="extension programmed", name=f"default/{name}")
        wasmxds.stop()

        xds = self.xds("--seal-key", self.key_file(key()))
        envoy = self.envoy(xds, "default/open")
        self.assertHeader(envoy, "for all")
        self.assertEqual(xds.sealed(), 2)
        self.assertEqual(len([line for line in xds.log().splitlines() if "--seal-key" in line]), 1)
        ready = xds.admin("/readyz")
        self.assertEqual(ready.status, 200)
        self.assertIn("2 records are sealed", ready.body)

        self.key_file(right)  # put right, with nothing restarted
        wait_equal(xds.sealed, 0, "sealed records")
        self.assertHeader(self.envoy(xds), HIDDEN)
        self.assertEqual(xds.admin("/readyz").body.strip(), "ok")

    def test_last_good_is_served_on_while_a_newer_one_cannot_be_opened(self):
        self.write_extensions()
        right = self.key_file()
        wasmxds = self.wasmxds("--seal-key", right)
        wasmxds.wait_record(msg="extension programmed", name="default/filter")
        xds = self.xds("--seal-key", right)
        envoy = self.envoy(xds)
        self.assertHeader(envoy, HIDDEN)

        wasmxds.stop()
        other = self.folder / "other.keys"
        other.write_text(key())
        wasmxds.flags = ("--seal-key", other)
        self.write("secret.yaml", secret(OTHER))
        wasmxds.start()
        wait_equal(xds.sealed, 1, "sealed records")
        self.assertHeader(envoy, HIDDEN)
        self.assertHeader(self.envoy(xds), HIDDEN)

    def test_key_is_rotated_with_nothing_restarted(self):
        self.write_extensions()
        old, new = key(), key()
        path = self.key_file(old)
        wasmxds = self.wasmxds("--seal-key", path)
        xds = self.xds("--seal-key", path)
        envoy = self.envoy(xds)
        self.assertHeader(envoy, HIDDEN)
        record = self.store / "resources/default/filter"
        sealed = record.read_bytes()
        reloads = envoy.filter_stat("default/filter", "config_reload")
        acks = xds.metric("wasmxds_xds_acks_total")

        self.key_file(new + old)
        wait_until(lambda: record.read_bytes() != sealed, "not sealed anew")
        wait_equal(lambda: xds.metric("wasmxds_xds_acks_total"), acks + 1, "ACKs")
        self.assertEqual(envoy.filter_stat("default/filter", "config_reload"), reloads)
        self.key_file(new)
        envoy.restart()
        self.assertHeader(envoy, HIDDEN)
        wasmxds.restart()
        xds.stop()
        xds.start()
        envoy.restart()
        self.assertHeader(envoy, HIDDEN)
        self.assertEqual(xds.sealed(), 0)

    def test_sealed_record_opens_under_no_other_name(self):
        self.write_extensions()
        wasmxds = self.wasmxds()
        wasmxds.wait_record(msg="extension programmed", name="default/filter")
        wasmxds.stop()
        resources = self.store / "resources/default"
        (resources / "open").write_bytes((resources / "filter").read_bytes())
        xds = self.xds()
        self.assertHeader(self.envoy(xds), HIDDEN)
        self.envoy_without(xds, "default/open")

    def test_secret_is_refused_where_no_key_can_be_made_and_all_else_is_served(self):
        self.write_extensions()
        store = self.folder / ("s" * 250)  # no name of a key file fits beside it
        wasmxds = self.wasmxds("--store", store)
        refusal = wasmxds.wait_record(msg="extension not programmed", name="default/filter")
        self.assertIn("--seal-key", refusal["err"])
        self.assertHeader(self.envoy(wasmxds, "default/open"), "for all")
        self.assertEqual([path.name for path in store.glob("resources/*/*")], ["open"])

    def test_config_map_is_not_sealed_and_needs_no_key(self):
        self.write("filter.wasm", module())
        self.write("settings.yaml", config_map("fast"))
        self.write("filter.yaml", extension(vm=FROM_CONFIG_MAP))
        wasmxds = self.wasmxds()
        wasmxds.wait_record(msg="extension programmed", name="default/filter")
        wasmxds.stop()
        (self.manifests / ".wasmxds-seal.key").unlink()
        xds = self.xds()
        self.assertHeader(self.envoy(xds), "fast", header="x-wasm-vm")

    def test_key_file_that_is_none_is_refused_by_name_and_line(self):
        self.write_extensions()
        bad = self.key_file("# of May\nhunter2\n")
        for command in (
            ["run", "--listen", f"{LOOPBACK}:0", "--seal-key", bad, self.manifests],
            ["xds", "--listen", f"{LOOPBACK}:0", "--seal-key", bad, "--store", self.store],
        ):
            ended = self.run_command(*map(str, command))
            self.assertEqual(ended.returncode, 1, ended)
            self.assertIn(f"key file {bad}: line 2: must be a key", ended.stderr)
            self.assertNotIn("hunter2", ended.stderr)
