# SPDX-License-Identifier: Apache-2.0
"""The examples that people copy are right."""

import subprocess

from harness import Case
from processes import ENVOY, TREE

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
