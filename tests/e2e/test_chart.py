# SPDX-License-Identifier: Apache-2.0
"""The chart, by the real helm."""

import re
import unittest

from cluster import CHART, helm
from processes import TREE


class Chart(unittest.TestCase):
    def test_it_is_of_the_programs_version(self):
        header = (TREE / "base/version.h").read_text()
        version = re.search(r'WASMXDS_VERSION "(.*)"', header)[1]
        chart = (CHART / "Chart.yaml").read_text()
        self.assertEqual(re.findall(r"^(?:v|appV)ersion: (.*)$", chart, re.M), [version, version])

    def test_lint_finds_nothing(self):
        self.assertIn("0 chart(s) failed", helm("lint", "--strict", CHART))
