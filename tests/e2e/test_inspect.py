# SPDX-License-Identifier: Apache-2.0
"""wasmxds inspect: what a module is, from wherever it lives, and the verdict as exit code."""

import gzip
import json
import subprocess

from harness import Case, HttpSource, digest, module
from processes import WASMXDS, run_on_terminal
from registries import gzip_of, tar_of
from test_debug_sections import custom_section

RUNS, REFUSED, UNREADABLE = 0, 1, 2
GLOBAL = b"\x02\x09\x01\x03env\x01g\x03\x7f\x00"  # an import section that no host satisfies


class InspectTest(Case):
    def put(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def inspect(self, name, code=RUNS, flags=()):
        """What -o json says of a module, and the same in words."""
        said = self.run_command("inspect", "-o", "json", *flags, name)
        self.assertEqual((said.returncode, said.stderr), (code, ""))
        words = self.run_command("inspect", *flags, name)
        self.assertEqual((words.returncode, words.stderr), (code, ""))
        return json.loads(said.stdout), words.stdout

    def test_filter_is_described(self):
        said, words = self.inspect(self.put("filter.wasm", module()))
        self.assertEqual(said["valid"], True)
        self.assertEqual(said["sha256"], digest(module()))
        self.assertEqual(said["bytes"], len(module()))
        self.assertEqual(said["servedBytes"], len(module()))
        self.assertEqual(said["abi"], "0.2.1")
        self.assertEqual(said["memory"], {"minPages": 2})
        imported = {"module": "env", "name": "proxy_log", "kind": "function"}
        self.assertIn(imported, said["imports"])
        self.assertIn({"name": "malloc", "kind": "function"}, said["exports"])
        self.assertEqual(sum(part["bytes"] for part in said["sections"]) + 8, len(module()))
        for part in (digest(module()), str(len(module())), "0.2.1", "env.proxy_log", "malloc"):
            self.assertIn(part, words)

    def test_what_would_be_dropped_is_named(self):
        extra = custom_section(".debug_info", bytes(1000)) + custom_section("producers2", b"x")
        said, words = self.inspect(self.put("filter.wasm", module() + extra))
        dropped = [part for part in said["sections"] if part["dropped"]]
        self.assertEqual([part["name"] for part in dropped], [".debug_info"])
        self.assertEqual(said["bytes"] - said["servedBytes"], dropped[0]["bytes"])
        self.assertEqual(said["debugBytes"], dropped[0]["bytes"])
        self.assertIn(".debug_info, not served", words)

    def test_signed_module_would_be_served_whole(self):
        extra = custom_section(".debug_info", bytes(1000))
        extra += custom_section("signature_wasmsign", bytes(65))
        said, words = self.inspect(self.put("filter.wasm", module() + extra))
        self.assertEqual((said["signed"], said["servedBytes"]), (True, said["bytes"]))
        self.assertIn("signed", words)

    def test_what_is_no_filter_is_refused_with_its_digest_and_size(self):
        cases = {
            "empty": (b"", "empty"),
            "text": (b"hello", "not a WebAssembly module"),
            "html": (b"<!DOCTYPE html><html></html>", "HTML"),
            "cut": (module()[:-1], "section"),
            "no-abi": (b"\0asm\x01\0\0\0", "proxy_abi_version"),
            "import": (b"\0asm\x01\0\0\0" + GLOBAL, "global"),
        }
        for name, (content, why) in cases.items():
            with self.subTest(name):
                said, words = self.inspect(self.put(name, content), REFUSED)
                self.assertEqual(said["valid"], False)
                self.assertIn(why, said["reason"])
                self.assertEqual(said["sha256"], digest(content))
                self.assertEqual(said["bytes"], len(content))
                for part in (why, digest(content), f"bytes     {len(content)}\n"):
                    self.assertIn(part, words)

    def test_names_of_a_module_cannot_drive_the_terminal(self):
        extra = custom_section("\x1b[2J", b"") + custom_section("a\nb", b"")
        said, words = self.inspect(self.put("\x1b[31m.wasm", module() + extra))
        self.assertNotIn("\x1b", words)
        self.assertNotIn("a\nb", words)
        table = words[words.index("offset") : words.index("\n\nimports")]
        self.assertEqual(len(table.splitlines()), 1 + len(said["sections"]))

    def test_module_in_a_gzip_or_a_tar_is_found(self):
        packed = {
            "filter.wasm.gz": gzip.compress(module()),
            "filter.tar": tar_of({"plugin.wasm": module()}),
            "filter.tgz": gzip_of(tar_of({"plugin.wasm": module()})),
        }
        for name, content in packed.items():
            with self.subTest(name):
                said, _ = self.inspect(self.put(name, content))
                self.assertEqual(said["sha256"], digest(module()))

    def test_module_from_a_web_server(self):
        source = HttpSource(module())
        self.addCleanup(source.stop)
        said, _ = self.inspect(f"http://user:hunter2@{source.uri}?token=hunter2")
        self.assertEqual(said["sha256"], digest(module()))
        self.assertNotIn("hunter2", json.dumps(said))
        source.body = b"<html>sign in</html>"
        said, _ = self.inspect(f"http://{source.uri}", REFUSED)
        self.assertIn("HTML", said["reason"])
        self.assertEqual(said["bytes"], len(source.body))
        source.status = 404
        done = self.run_command("inspect", f"http://{source.uri}")
        self.assertEqual((done.returncode, done.stdout), (UNREADABLE, ""))
        self.assertIn("404", done.stderr)

    def test_what_cannot_be_read_is_2_and_named(self):
        for name in ("absent.wasm", ".", "ftp://host/x", "oci://short", "s3://", "http://"):
            with self.subTest(name):
                done = self.run_command("inspect", name)
                self.assertEqual((done.returncode, done.stdout), (UNREADABLE, ""))
                self.assertTrue(done.stderr.startswith("wasmxds: "))
        for arguments in ((), ("a", "b"), ("--no-such-flag", "a"), ("--ca-file",)):
            with self.subTest(arguments):
                self.assertEqual(self.run_command("inspect", *arguments).returncode, UNREADABLE)

    def test_flags_that_are_wrong_are_named(self):
        path = self.put("filter.wasm", module())
        for flag in ("--allow-cidr=10.0.0.1/8", "--docker-config=/absent", "--s3-endpoint=x"):
            with self.subTest(flag):
                done = self.run_command("inspect", flag, path)
                self.assertEqual((done.returncode, done.stdout), (UNREADABLE, ""))
                self.assertIn(flag.partition("=")[0], done.stderr)

    def test_progress_is_shown_on_a_terminal_only(self):
        source = HttpSource(module() + custom_section(".debug_info", bytes(8 << 20)))
        self.addCleanup(source.stop)
        command = [WASMXDS, "inspect", f"http://{source.uri}"]
        done = run_on_terminal(command)
        shown = done.stderr.decode()
        self.assertEqual(done.returncode, RUNS)
        self.assertRegex(shown, r"\d.* of 8\.0 MiB")
        self.assertTrue(shown.endswith("\r\x1b[K"))
        self.assertNotIn(b"MiB", done.stdout)
        done = subprocess.run(command, capture_output=True, timeout=30)
        self.assertEqual(done.stderr, b"")
