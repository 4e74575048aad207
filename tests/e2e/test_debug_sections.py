# SPDX-License-Identifier: Apache-2.0
"""A module without its debug sections does in Envoy what it did with them."""

import base64
import subprocess

from harness import Case, altered, digest, extension, module
from processes import TREE

FILTER = "default/filter"
DEBUG_BYTES = 1 << 20


def custom_section(name, content):
    body = bytes([len(name)]) + name.encode() + content
    return b"\0" + leb128(len(body)) + body


def leb128(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def debug_module(folder):
    """The example filter as a debug build has it: most of it is DWARF."""
    source = folder / "debug.c"
    names = ",\n".join(f"a_rather_long_name_of_enumerator_{i}" for i in range(40000))
    include = f'#include "{TREE}/examples/header-filter/filter.c"\n'
    source.write_text(f"{include}enum big {{\n{names}\n}};\nvolatile enum big big;\n")
    built = folder / "debug.wasm"
    compiler = ["clang", "--target=wasm32", "-std=gnu17", "-O2", "-g", "-ffreestanding"]
    linker = ["-fno-builtin", "-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=16384"]
    subprocess.run([*compiler, *linker, "-o", built, source], check=True)
    return built.read_bytes()


class DebugSectionsTest(Case):
    def served_to(self, envoy):
        """The module's bytes in Envoy's own words."""
        dump = envoy.config_dump()["configs"]
        found = [part for part in dump if part["@type"].endswith("EcdsConfigDump")][0]
        filters = found["ecds_filters"]
        self.assertEqual(len(filters), 1)
        config = filters[0]["ecds_filter"]["typed_config"]["config"]
        return base64.b64decode(config["vm_config"]["code"]["local"]["inline_bytes"])

    def test_debug_build_is_served_without_its_debug_sections(self):
        whole = debug_module(self.folder)
        self.write("filter.wasm", whole)
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "one")
        served = self.served_to(envoy)
        self.assertLess(len(served), 10000)
        self.assertGreater(len(whole) - len(served), DEBUG_BYTES)
        self.assertNotIn(b".debug_", served)
        programmed = wasmxds.wait_record(msg="extension programmed", name=FILTER)
        self.assertEqual(programmed["module"], digest(whole))
        self.assertEqual(int(programmed["module_bytes"]), len(whole))
        self.assertEqual(int(programmed["served_bytes"]), len(served))

    def test_debug_sections_are_kept_where_the_manifest_says_so(self):
        whole = debug_module(self.folder)
        self.write("filter.wasm", whole)
        self.write("filter.yaml", extension(debug_sections="keep"))
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "one")
        self.assertEqual(self.served_to(envoy), whole)
        self.write("filter.yaml", extension(debug_sections="drop", plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertLess(len(self.served_to(envoy)), 10000)
        self.write("filter.yaml", extension(debug_sections="keep", plugin="three"))
        self.assertHeader(envoy, "three")
        self.assertEqual(self.served_to(envoy), whole)

    def test_sha256_is_that_of_the_module_with_its_debug_sections(self):
        whole = module() + custom_section(".debug_info", bytes(DEBUG_BYTES))
        self.write("filter.wasm", whole)
        self.write("filter.yaml", extension(sha256=digest(whole)))
        envoy = self.envoy(self.wasmxds())
        self.assertHeader(envoy, "one")
        self.assertEqual(self.served_to(envoy), module())

    def test_restart_sends_nothing_and_reads_no_module_again(self):
        whole = module() + custom_section(".debug_info", bytes(DEBUG_BYTES))
        self.write("filter.wasm", whole)
        self.write("filter.yaml", extension(sha256=digest(whole)))
        wasmxds = self.wasmxds("--scrub-interval=0s")
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "one")
        before = wasmxds.wait_record(msg="extension programmed", name=FILTER)
        updates = envoy.filter_stat(FILTER, "config_reload")
        # what would be found out again would be found out wrong
        blob = self.store / "blobs/sha256" / digest(whole)
        blob.chmod(0o600)
        blob.write_bytes(altered(b"x-wasm-filter", b"x-wasm-second") + whole[len(module()) :])
        wasmxds.restart()
        after = wasmxds.wait_record(msg="extension programmed", name=FILTER)
        for field in ("version", "module", "module_bytes", "served_bytes"):
            self.assertEqual(after[field], before[field])
        self.assertEqual(wasmxds.records(msg="extension not programmed"), [])
        self.write("filter.yaml", extension(plugin="two", sha256=digest(whole)))
        self.assertHeader(envoy, "two")
        self.assertEqual(self.served_to(envoy), module())
        self.assertEqual(envoy.filter_stat(FILTER, "config_reload"), updates + 1)

    def test_served_copy_that_is_lost_is_made_again(self):
        whole = module() + custom_section(".debug_info", bytes(DEBUG_BYTES))
        self.write("filter.wasm", whole)
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        wasmxds.wait_record(msg="extension programmed", name=FILTER)
        wasmxds.stop()
        (self.store / "blobs/sha256" / digest(module())).unlink()
        wasmxds.start()
        self.assertHeader(self.envoy(wasmxds), "one")
