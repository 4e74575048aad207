# SPDX-License-Identifier: Apache-2.0
"""No crash, full disk, I/O error or bit rot spoils the store, or takes a filter away."""

import unittest

from harness import Case, HttpSource, altered, digest, extension, module
from processes import Wasmxds, wait_equal, wait_until
from store_faults import Faults, Injected, SmallDisk

FILTER = "default/filter"
REASON = "extension not programmed"
CALLS = "fsync,renameat,unlinkat,mkdirat"  # not write, which logs


class SystemCallTest(unittest.TestCase):
    """Every system call of opening, commit, record, deletion, collection and scrub, in turn."""

    def setUp(self):
        self.faults = Faults()
        self.addCleanup(self.faults.close)

    def assertSound(self, points):
        failures, passed = self.faults.run(points)
        print(f"store faults: {passed} passed, {len(failures)} failed")
        self.assertEqual(failures, [])
        self.assertGreater(passed, 100)

    def test_kill_at_any_call_leaves_a_store_that_is_whole(self):
        self.assertSound(self.faults.kills())

    def test_full_disk_at_any_call_loses_nothing(self):
        self.assertSound(self.faults.errors("ENOSPC"))

    def test_io_error_at_any_call_loses_nothing(self):
        self.assertSound(self.faults.errors("EIO"))

    def test_disk_that_turns_read_only_at_any_call_loses_nothing(self):
        self.assertSound(self.faults.errors("EROFS"))


class Placed(Wasmxds):
    """`wasmxds run` that sees a disk of its own."""

    def __init__(self, disk, folder, manifests, flags):
        super().__init__(folder, manifests, flags)
        self.disk = disk

    def spawn(self, argv):
        super().spawn([*self.disk.enter(), *argv])


class FullDiskTest(Case):
    def setUp(self):
        super().setUp()
        mount = self.folder / "disk"
        mount.mkdir()
        self.disk = SmallDisk(mount, "256k")
        self.addCleanup(self.disk.close)
        if not self.disk.ready:
            self.skipTest("no file system can be mounted here")

    def wasmxds(self, *flags):
        process = Placed(self.disk, self.folder, self.manifests, flags)
        self.processes.append(process)
        self.addCleanup(process.port.release)
        self.addCleanup(self._end, process)
        process.start()
        return process

    def start_and_fill(self):
        wasmxds, envoy = self.start_both("--store", self.disk.folder / "above/store")
        self.disk.fill()
        return wasmxds, envoy

    def test_full_disk_serves_the_old_configuration_until_there_is_room(self):
        wasmxds, envoy = self.start_and_fill()
        self.write("filter.yaml", extension(plugin="two"))
        wasmxds.wait_record(msg=REASON, name=FILTER, reason="StorageFull")
        self.assertEqual(envoy.header(), ["one"])
        self.disk.empty()
        self.assertHeader(envoy, "two")

    def test_full_disk_serves_the_old_module_until_there_is_room(self):
        wasmxds, envoy = self.start_and_fill()
        self.write("filter.wasm", altered(b"x-wasm-filter", b"x-wasm-second"))
        wasmxds.wait_record(msg=REASON, name=FILTER, reason="StorageFull")
        self.assertEqual(envoy.header(), ["one"])
        self.disk.empty()
        self.assertHeader(envoy, "one", header="x-wasm-second")

    def test_restart_on_a_full_disk_serves_what_is_there(self):
        wasmxds, envoy = self.start_and_fill()
        wasmxds.kill()
        wasmxds.start()
        self.assertHeader(self.envoy(wasmxds), "one")
        self.write("filter.yaml", extension(plugin="two"))
        wasmxds.wait_record(msg=REASON, name=FILTER, reason="StorageFull")
        self.disk.empty()
        self.assertHeader(envoy, "two")


class InjectedTest(Case):
    """The same with the whole program, for what no file system of a test can be made to do."""

    def fail_and_recover(self, error, reason):
        wasmxds, envoy = self.start_both()
        with Injected(wasmxds, error, CALLS):
            self.write("filter.yaml", extension(plugin="two"))
            wait_until(lambda: wasmxds.running and self.has_failed(), f"no call met {error}")
            self.assertEqual(envoy.header(), ["one"])
        wasmxds.wait_record(msg=REASON, name=FILTER, reason=reason)
        self.assertHeader(envoy, "two")

    def has_failed(self):
        trace = self.folder / "strace.log"
        return trace.exists() and trace.read_text().count("(INJECTED)") > 3

    def test_io_errors_take_nothing_away(self):
        self.fail_and_recover("EIO", "StorageFailed")

    def test_read_only_disk_takes_nothing_away(self):
        self.fail_and_recover("EROFS", "StorageFailed")

    def test_exhausted_quota_takes_nothing_away(self):
        self.fail_and_recover("EDQUOT", "StorageFull")


class UpkeepTest(Case):
    def blobs(self):
        return sorted(path.name for path in (self.store / "blobs/sha256").iterdir())

    def test_unused_module_goes_and_used_ones_stay(self):
        _, envoy = self.start_both("--gc-grace=1s")
        second = altered(b"x-wasm-filter", b"x-wasm-second")
        self.write("filter.wasm", second)
        self.assertHeader(envoy, "one", header="x-wasm-second")
        wait_equal(self.blobs, [digest(second)], "modules in the store")
        self.assertHeader(self.envoy(self.processes[0]), "one", header="x-wasm-second")

    def test_module_of_a_deleted_extension_goes(self):
        self.start_both("--gc-grace=0s")
        self.remove("filter.yaml")
        wait_equal(self.blobs, [], "modules in the store")

    def test_rotten_module_is_found_and_fetched_again(self):
        wasmxds, envoy = self.start_both("--scrub-interval=1s")
        self.assertEqual(self.blobs(), [digest(module())])
        blob = self.store / "blobs/sha256" / digest(module())
        blob.chmod(0o600)
        blob.write_bytes(b"rotten")
        wasmxds.wait_record(msg="module damaged")
        wait_until(lambda: blob.exists() and blob.read_bytes() == module(), "the module anew")
        self.assertEqual(envoy.header(), ["one"])

    def test_module_that_rotted_while_nobody_looked_is_served_once_it_is_back(self):
        wasmxds, envoy = self.start_both()
        blob = self.store / "blobs/sha256" / digest(module())
        envoy.stop()
        wasmxds.stop()
        blob.chmod(0o600)
        blob.write_bytes(b"rotten")
        wasmxds.start()
        # Refused if this Envoy comes before the scrub does; served in the end either way.
        self.assertHeader(self.envoy(wasmxds, ready=False), "one")

    def test_module_that_somebody_removed_comes_back(self):
        wasmxds, envoy = self.start_both("--scrub-interval=1s")
        blob = self.store / "blobs/sha256" / digest(module())
        envoy.stop()
        blob.unlink()
        wait_until(lambda: blob.exists() and blob.read_bytes() == module(), "the module anew")
        self.assertHeader(self.envoy(wasmxds), "one")

    def test_record_that_rotted_is_written_again(self):
        wasmxds, envoy = self.start_both("--scrub-interval=1s", "--gc-grace=1s")
        record = self.store / "resources/default/filter"
        good = record.read_bytes()
        record.write_bytes(b"rotten")
        wait_equal(record.read_bytes, good, "the record")
        self.assertHeader(self.envoy(wasmxds), "one")
        self.assertEqual(envoy.header(), ["one"])

    def test_module_that_does_not_fit_is_refused_and_the_old_one_stays(self):
        size = len(module())
        wasmxds, envoy = self.start_both(f"--store-max-size={size + 100}")
        self.write("filter.wasm", altered(b"x-wasm-filter", b"x-wasm-second"))
        refusal = wasmxds.wait_record(msg=REASON, name=FILTER, reason="StorageFull")
        used = f"needs {size} bytes, and {size} of at most {size + 100} are in use"
        self.assertIn(used, refusal["err"])
        self.assertEqual(envoy.header(), ["one"])
        self.assertEqual(self.blobs(), [digest(module())])

    def test_module_fits_once_another_is_deleted(self):
        size = len(module())
        second = altered(b"x-wasm-filter", b"x-wasm-second")
        wasmxds, _ = self.start_both(f"--store-max-size={size + 100}")
        self.write("second.wasm", second)
        self.write("second.yaml", extension("second", uri="second.wasm"))
        wasmxds.wait_record(msg=REASON, name="default/second", reason="StorageFull")
        self.remove("filter.yaml")
        wasmxds.wait_record(msg="extension programmed", name="default/second")
        self.assertEqual(self.blobs(), [digest(second)])

    def test_hundred_extensions_of_one_module_keep_it_once(self):
        source = HttpSource(module())
        self.addCleanup(source.stop)
        image = {"protocol": "http", "uri": source.uri, "sha256": digest(module())}
        for i in range(100):
            self.write(f"{i}.yaml", extension(f"filter-{i}", **image))
        wasmxds = self.wasmxds("--fetch-workers=16", "--allow-loopback")
        programmed = lambda: len(wasmxds.records(msg="extension programmed"))
        wait_equal(programmed, 100, "extensions programmed")
        self.assertEqual(self.blobs(), [digest(module())])
        envoy = self.envoy(wasmxds, "default/filter-0", "default/filter-99")
        self.assertHeader(envoy, "one", "one")
