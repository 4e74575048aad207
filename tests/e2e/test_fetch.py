# SPDX-License-Identifier: Apache-2.0
"""wasmxds fetch: a store that is filled here and serves elsewhere, with no network."""

import json
import os
import subprocess

from harness import Case, HttpSource, altered, digest, extension, module
from processes import LOOPBACK, WASMXDS, run_on_terminal
from test_debug_sections import custom_section

COMPLETE, INCOMPLETE, UNREADABLE = 0, 1, 2


class FetchTest(Case):
    def setUp(self):
        super().setUp()
        self.filled = self.folder / "filled"
        self.source = HttpSource(module())
        self.stopped = False
        self.addCleanup(self.stop_source)

    def stop_source(self):
        if not self.stopped:
            self.stopped = True
            self.source.stop()

    def remote(self, **options):
        return extension(protocol="http", uri=self.source.uri, **options)

    def fetch(self, *operands, code=COMPLETE, text=None):
        flags = ["--store", self.filled, "--allow-loopback", "--fetch-tries=1"]
        done = self.run_command("fetch", *flags, *operands, text=text)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def fetch_json(self, *operands, code=COMPLETE):
        said = json.loads(self.fetch("-o", "json", *operands, code=code).stdout)
        self.assertEqual(said["complete"], code == COMPLETE)
        return {entry["name"]: entry for entry in said["extensions"]}

    def test_store_that_was_filled_and_carried_serves_with_no_network(self):
        whole = module() + custom_section(".debug_info", bytes(100000))
        self.source.body = whole
        self.write("pinned.yaml", self.remote(name="pinned", plugin="a", sha256=digest(whole)))
        self.write("tagged.yaml", self.remote(name="tagged", plugin="b"))
        self.write("local.wasm", altered(b"x-wasm-filter", b"x-wasm-second"))
        self.write("local.yaml", extension(name="local", plugin="c", uri="local.wasm"))
        self.fetch(self.manifests)
        self.assertEqual(self.source.requests, 2)
        self.stop_source()
        self.remove("local.wasm")
        carried = self.folder / "carried"
        subprocess.run(["cp", "-a", self.filled, carried], check=True)
        subprocess.run(["rm", "-rf", self.filled], check=True)

        wasmxds = self.wasmxds("--store", carried)
        envoy = self.envoy(wasmxds, "default/pinned", "default/tagged", "default/local")
        self.assertHeader(envoy, "a", "b")
        self.assertHeader(envoy, "c", header="x-wasm-second")
        self.assertEqual(wasmxds.records(msg="fetching"), [])

    def test_store_carried_in_a_tar_serves_too(self):
        self.write("filter.yaml", self.remote())
        self.fetch(self.manifests)
        self.stop_source()
        carried = self.folder / "carried"
        carried.mkdir()
        archive = self.folder / "store.tar"
        subprocess.run(["tar", "-C", self.filled, "-cf", archive, "."], check=True)
        subprocess.run(["tar", "-C", carried, "-xf", archive], check=True)
        self.assertHeader(self.envoy(self.wasmxds("--store", carried)), "one")

    def test_what_is_there_is_told(self):
        whole = module() + custom_section(".debug_info", bytes(1000))
        self.source.body = whole
        self.write("filter.yaml", self.remote())
        entry = self.fetch_json(self.manifests)["default/filter"]
        self.assertEqual(entry["sha256"], digest(whole))
        self.assertEqual((entry["bytes"], entry["servedBytes"]), (len(whole), len(module())))
        self.assertIn(digest(whole), self.fetch(self.manifests).stdout)

    def test_what_is_there_is_not_fetched_again(self):
        self.write("filter.yaml", self.remote())
        self.fetch(self.manifests)
        self.fetch(self.manifests)
        self.assertEqual(self.source.requests, 1)

    def test_nothing_is_removed_from_the_store(self):
        self.write("filter.yaml", self.remote(name="first"))
        self.fetch(self.manifests)
        self.write("filter.yaml", self.remote(name="second"))
        self.fetch(self.manifests)
        resources = self.filled / "resources/default"
        self.assertEqual(sorted(os.listdir(resources)), ["first", "second"])

    def test_what_could_not_be_fetched_is_1_each_with_its_reason(self):
        self.write("good.yaml", self.remote(name="good"))
        self.write("gone.yaml", extension(name="gone", protocol="http", uri=f"{LOOPBACK}:1/x"))
        self.write("wrong.yaml", self.remote(name="wrong", sha256="0" * 64))
        self.write("absent.yaml", extension(name="absent", uri="absent.wasm"))
        entries = self.fetch_json(self.manifests, code=INCOMPLETE)
        reasons = {name: entry["reason"] for name, entry in entries.items()}
        self.assertEqual(
            reasons,
            {
                "default/absent": "NotFound",
                "default/gone": "FetchFailed",
                "default/good": "Programmed",
                "default/wrong": "DigestMismatch",
            },
        )
        words = self.fetch(self.manifests, code=INCOMPLETE).stdout
        self.assertIn("default/wrong: DigestMismatch: ", words)
        self.assertIn(digest(module()), words)

    def test_manifests_on_standard_input_and_in_files(self):
        self.write("other.yaml", self.remote(name="other"))
        self.fetch("-", self.manifests / "other.yaml", text=self.remote())
        names = sorted(os.listdir(self.filled / "resources/default"))
        self.assertEqual(names, ["filter", "other"])

    def test_configuration_of_a_secret_is_in_the_store(self):
        secret = "kind: Secret\napiVersion: v1\nmetadata: {name: s}\nstringData: {k: hidden}\n"
        reference = {"secretKeyRef": {"name": "s", "key": "k"}}
        self.write("a.yaml", self.remote(plugin=reference))
        self.write("b.yaml", secret)
        done = self.fetch(self.manifests)
        self.assertNotIn("hidden", done.stdout + done.stderr)
        self.stop_source()
        self.assertHeader(self.envoy(self.wasmxds("--store", self.filled)), "hidden")

    def test_wrong_manifest_is_1_and_the_right_ones_are_fetched(self):
        self.write("good.yaml", self.remote())
        self.write("wrong.yaml", self.remote(name="wrong").replace("v8", "v9"))
        done = self.fetch(self.manifests, code=INCOMPLETE)
        self.assertIn("wrong.yaml:", done.stderr)
        self.assertIn("spec.runtime", done.stderr)
        self.assertTrue((self.filled / "resources/default/filter").exists())

    def test_extension_in_two_files_is_1(self):
        self.write("a.yaml", self.remote())
        self.write("b.yaml", self.remote(plugin="two"))
        done = self.fetch(self.manifests, code=INCOMPLETE)
        self.assertIn("default/filter", done.stderr)

    def test_no_extension_and_no_file(self):
        self.assertIn("no WasmExtension", self.fetch(self.manifests, code=INCOMPLETE).stderr)
        done = self.fetch(self.folder / "absent.yaml", code=UNREADABLE)
        self.assertIn("absent.yaml", done.stderr)
        self.assertEqual(self.run_command("fetch", self.manifests).returncode, UNREADABLE)
        self.assertEqual(self.run_command("fetch", "--store", "x").returncode, UNREADABLE)

    def test_store_of_a_running_wasmxds_is_left_alone(self):
        self.write("filter.yaml", self.remote())
        self.wasmxds("--store", self.filled, "--allow-loopback")
        done = self.fetch(self.manifests, code=INCOMPLETE)
        self.assertIn(str(self.filled), done.stderr)

    def test_progress_is_shown_on_a_terminal_only(self):
        self.source.body = module() + custom_section(".debug_info", bytes(8 << 20))
        self.write("filter.yaml", self.remote())
        command = [WASMXDS, "fetch", "--allow-loopback", "--store", self.filled, self.manifests]
        done = run_on_terminal(command)
        self.assertEqual(done.returncode, COMPLETE)
        shown = done.stderr.decode()
        self.assertRegex(shown, r"0 of 1 extensions, ")
        self.assertTrue(shown.endswith("\r\x1b[K"))
        self.assertEqual(self.fetch(self.manifests).stderr, "")
