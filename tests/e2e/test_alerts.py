# SPDX-License-Identifier: Apache-2.0
"""The chart's alerts: known to Prometheus, about metrics that exist, firing when they should."""

import re
import shutil

from cluster import CHART, run
from harness import Case
from processes import TREE

ALERTS = CHART / "files/alerts.yaml"


class Alerts(Case):
    def test_prometheus_takes_them(self):
        self.assertIn("SUCCESS", run("promtool", "check", "rules", ALERTS))

    def test_they_fire_when_they_should(self):
        for file in (ALERTS, TREE / "tests/e2e/alerts_test.yaml"):
            shutil.copy(file, self.folder)
        run("promtool", "test", "rules", self.folder / "alerts_test.yaml")

    def test_each_is_tried(self):
        tried = (TREE / "tests/e2e/alerts_test.yaml").read_text()
        alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())
        self.assertEqual([name for name in alerts if name not in tried], [])

    def test_their_metrics_exist(self):
        wasmxds, _ = self.start_both()
        metrics = wasmxds.admin("/metrics").body
        named = set(re.findall(r"\bwasmxds_\w+", ALERTS.read_text()))
        self.assertGreater(len(named), 5)
        for name in named:
            with self.subTest(name):
                self.assertRegex(metrics, rf"(?m)^{name}[ {{]")

    def test_promtool_finds_nothing_wrong_with_the_metrics(self):
        wasmxds, _ = self.start_both()
        run("promtool", "check", "metrics", text=wasmxds.admin("/metrics").body)
