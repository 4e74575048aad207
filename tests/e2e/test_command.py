# SPDX-License-Identifier: Apache-2.0
"""The command line: verdicts, exit codes, messages, flags."""

import json
import re

from harness import Case, extension, module
from processes import LOOPBACK, WASMXDS, Process, fetch, parse_logfmt
from test_sealed import Xds


class ValidateTest(Case):
    def validate(self, *arguments, text=None):
        return self.run_command("validate", *arguments, text=text)

    def test_good_manifest_is_0(self):
        self.write("filter.yaml", extension())
        for operand in (self.manifests / "filter.yaml", self.manifests):
            result = self.validate(operand)
            self.assertEqual((result.returncode, result.stderr), (0, ""), operand)

    def test_good_manifest_on_standard_input_is_0(self):
        self.assertEqual(self.validate("-", text=extension()).returncode, 0)

    def test_bad_manifest_is_1_and_names_file_field_and_value(self):
        manifest = extension(protocol="ftp", sha256="abc")
        line = manifest[: manifest.index("protocol:")].count("\n") + 1
        self.write("filter.yaml", manifest)
        result = self.validate(self.manifests)
        self.assertEqual(result.returncode, 1)
        for part in (f"filter.yaml:{line}: ", "spec.image.protocol: ", '"ftp"', "spec.image.sha256: "):
            self.assertIn(part, result.stdout)

    def test_text_that_is_no_yaml_is_1_and_names_the_line(self):
        result = self.validate("-", text="a: b\nc: [\n")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout + result.stderr, r"line [23]|:[23]\b")

    def test_json_verdict_can_be_read_by_a_program(self):
        self.assertEqual(self.validate("-o", "json", "-", text=extension()).returncode, 0)
        result = self.validate("-o", "json", "-", text=extension(protocol="ftp"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("spec.image.protocol", json.dumps(json.loads(result.stdout)))

    def test_unwise_manifest_is_0_with_warnings(self):
        manifest = extension(protocol="http", uri="example.com/filter.wasm")
        result = self.validate("-", text=manifest)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(
            result.stderr, r"\Awarning: -:1: WasmExtension default/filter: spec\.image\.sha256: .*\n\Z"
        )
        self.assertNotIn("warning", result.stdout)

    def test_warnings_can_be_read_by_a_program(self):
        result = self.validate("-o", "json", "-", text=extension(protocol="oci", uri="a.io/b:v1"))
        report = json.loads(result.stdout)
        self.assertEqual((result.returncode, result.stderr, report["valid"]), (0, "", True))
        [warning] = report["files"][0]["warnings"]
        self.assertEqual(warning["path"], "WasmExtension default/filter: spec.image.uri")
        self.assertIn("pin it", warning["message"])

    def test_wrong_usage_is_2(self):
        for arguments in ((), ("-o", "xml", "-"), ("--no-such-flag", "-")):
            result = self.validate(*arguments, text="")
            self.assertEqual(result.returncode, 2, arguments)
            self.assertTrue(result.stderr, arguments)

    def test_file_that_is_not_there_is_2_and_named(self):
        result = self.validate(self.folder / "absent.yaml")
        self.assertEqual(result.returncode, 2)
        self.assertIn("absent.yaml", result.stdout + result.stderr)


class CommandTest(Case):
    def test_version_is_printed(self):
        result = self.run_command("version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"\d")

    def test_unknown_verb_and_no_verb_are_2(self):
        for arguments in ((), ("no-such-verb",), ("run",), ("run", "--no-such-flag", ".")):
            self.assertEqual(self.run_command(*arguments).returncode, 2, arguments)

    def test_help_is_printed_to_standard_output(self):
        for arguments in (("--help",), ("run", "--help"), ("validate", "--help")):
            result = self.run_command(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
            self.assertIn("wasmxds", result.stdout)

    def test_folder_that_is_not_there_is_named(self):
        result = self.run_command("run", self.folder / "absent")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("absent", result.stderr)

    def test_port_0_is_logged_as_the_real_one(self):
        self.assertRegex(self.start_anywhere()["listen"], rf"^{re.escape(LOOPBACK)}:[1-9]\d*$")

    def test_json_log_lines_are_json(self):
        line = self.start_anywhere("--log-format", "json", read=json.loads)
        self.assertEqual(line["level"], "info")

    def start_anywhere(self, *flags, read=parse_logfmt):
        """Starts `wasmxds run` on port 0; returns its "serving" line."""
        process = Process("wasmxds", self.folder)
        self.processes.append(process)
        self.addCleanup(self._end, process)
        process.spawn([WASMXDS, "run", "--listen", f"{LOOPBACK}:0", "--admin-listen", f"{LOOPBACK}:0", *flags, self.manifests])
        lines = process.wait_up(
            lambda: [line for line in process.log().splitlines() if "serving" in line],
            "no line about serving",
        )
        return read(lines[0])

    def test_second_wasmxds_on_one_store_is_refused(self):
        self.wasmxds()
        result = self.run_command("run", "--listen", f"{LOOPBACK}:0", "--admin-listen", f"{LOOPBACK}:0", self.manifests)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(str(self.store), result.stderr)

    def test_store_and_module_root_can_lie_elsewhere(self):
        modules = self.folder / "modules"
        modules.mkdir()
        (modules / "filter.wasm").write_bytes(module())
        self.write("filter.yaml", extension())
        store = self.folder / "store"
        wasmxds = self.wasmxds("--store", store, "--module-root", modules)
        self.assertHeader(self.envoy(wasmxds), "one")
        self.assertTrue(any((store / "blobs/sha256").iterdir()))
        self.assertFalse(self.store.exists())

    def waiting_xds(self):
        xds = Xds(self.folder, self.store, ["--wait-for-store"])
        self.processes.append(xds)
        self.addCleanup(xds.port.release)
        self.addCleanup(self._end, xds)
        xds.begin()
        xds.wait_up(lambda: xds.records("waiting for the store"), "not waiting")
        return xds

    def test_xds_can_wait_for_a_store_that_is_not_there_yet(self):
        xds = self.waiting_xds()
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        self.wasmxds()
        xds.wait_serving()
        self.assertHeader(self.envoy(xds), "one")

    def test_xds_that_waits_is_alive_and_says_for_what(self):
        xds = self.waiting_xds()
        port = int(xds.records("waiting for the store")[0]["admin"].rpartition(":")[2])
        self.assertEqual(fetch(port, "/livez").status, 200)
        for path in ("/readyz", "/metrics", "/"):
            answer = fetch(port, path)
            self.assertEqual(answer.status, 503)
            self.assertEqual(answer.body.strip(), f"waiting for the store {self.store}")
        self.wasmxds()
        xds.wait_serving()
        self.assertEqual(xds.admin_port, port)
        self.assertEqual(fetch(port, "/readyz").status, 200)

    def test_xds_that_waits_can_be_stopped(self):
        self.assertEqual(self.waiting_xds().stop(), 0)

    def test_xds_that_was_not_told_to_wait_says_what_is_missing(self):
        done = self.run_command("xds", "--listen", f"{LOOPBACK}:0", "--store", self.store)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.store), done.stderr)
