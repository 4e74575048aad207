# SPDX-License-Identifier: Apache-2.0
"""Whatever a registry does, its module is refused with a reason, and costs little memory."""

import re

from harness import Case, extension
from hostile_registry import MAX_MODULE, HostileRegistry, Witness, all_cases, honest
from hostile_registry import Case as Hostile
from processes import wait_until
from registries import PASSWORD, docker_config

MEMORY_LIMIT_KIB = 32 * 1024
LEAST_CASES = 60


def peak_kib(process):
    """The most memory that a process has had."""
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status.read(), re.M)[1])


class HostileRegistryTest(Case):
    def start(self, cases):
        self.witness = Witness()
        self.addCleanup(self.witness.stop)
        good = Hostile("honest", "", honest())
        self.server = HostileRegistry([*cases, good], self.witness.url)
        self.addCleanup(self.server.stop)
        config = docker_config(self.folder, self.server.host)
        return self.wasmxds(
            "--allow-loopback",
            "--fetch-tries=1",
            "--fetch-idle-timeout=1s",
            f"--max-module-size={MAX_MODULE}",
            f"--docker-config={config}",
        )

    def manifest(self, case):
        reference = case.repository.reference or "{host}/{name}:v1"
        uri = reference.replace("{host}", self.server.host).replace("{name}", case.name)
        return extension(case.name, protocol="oci", uri=uri)

    def test_every_case_is_refused_with_its_reason(self):
        cases = list(all_cases())
        self.assertGreaterEqual(len(cases), LEAST_CASES)
        self.assertEqual(len({case.name for case in cases}), len(cases))
        wasmxds = self.start(cases)
        self.write("honest.yaml", self.manifest(Hostile("honest", "", honest())))
        wasmxds.wait_record(msg="extension programmed", name="default/honest")
        idle = peak_kib(wasmxds)

        self.write("hostile.yaml", "---\n".join(self.manifest(case) for case in cases))
        refused = self.wait_refusals(wasmxds, cases)
        for case in cases:
            with self.subTest(case.name):
                self.assertIn(case.says, refused[f"default/{case.name}"])
        self.assertLessEqual(peak_kib(wasmxds) - idle, MEMORY_LIMIT_KIB)
        self.assertGreater(self.witness.requests, 0)
        self.assertEqual(self.witness.secrets, [])
        self.assertNotIn(PASSWORD, wasmxds.log())
        self.assertEqual(len(wasmxds.records(msg="extension programmed")), 1)

    def wait_refusals(self, wasmxds, cases):
        """Returns the reason of each case's refusal, once all are refused for one of their own."""
        names = {f"default/{case.name}" for case in cases}

        def reasons():
            records = wasmxds.records(msg="extension not programmed")
            seen = {r["name"]: r["err"] for r in records if "is left alone" not in r["err"]}
            missing = names - seen.keys()
            if missing:
                raise OSError(f"no refusal yet of {sorted(missing)}")
            return seen

        return wait_until(reasons, "every case refused", limit=120)
