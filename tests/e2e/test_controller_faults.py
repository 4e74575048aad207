# SPDX-License-Identifier: Apache-2.0
"""`wasmxds controller` on a real API server that fails, forgets and stores what nobody expects."""

import json

from processes import wait_equal, wait_until
from test_controller import ControllerCase



class UnreadableTest(ControllerCase):
    """The API server stores NUL bytes in annotations, which no rule of a definition reaches."""

    def annotate(self, name, annotations):
        """Not by apply, whose annotation would hold the other as text."""
        patch = json.dumps({"metadata": {"annotations": annotations}})
        self.kubectl("patch", "wasmextension", name, "--type=merge", f"--patch={patch}")

    def records(self):
        return sorted(path.name for path in (self.store / "resources" / self.namespace).iterdir())

    def test_one_that_cannot_be_read_is_invalid_and_harms_no_other(self):
        for name in ("bad", "good", "goes-first", "goes-later"):
            self.put(name=name)
        self.start_all(names=("good",))
        wait_equal(self.records, ["bad", "goes-first", "goes-later", "good"], "records")
        self.annotate("bad", {"note": "\0"})
        self.wait_condition("bad", "Accepted", ("False", "Invalid"))
        self.assertIn("\\u0000", self.wait_reason("Invalid", "bad"))
        self.kubectl("delete", "wasmextension", "goes-first")
        wait_equal(self.records, ["bad", "goes-later", "good"], "records")

        self.running.stop()
        self.kubectl("delete", "wasmextension", "goes-later")
        self.running.start()
        wait_equal(self.records, ["bad", "good"], "records")
        wait_until(lambda: self.running.admin("/readyz").status == 200, "ready")
        self.put(name="good", plugin="two")
        wait_equal(lambda: self.status("good").get("observedGeneration"), 2, "observedGeneration")
        self.assertEqual(self.running.metric("wasmxds_controller_source_failures_total"), 0)

        self.annotate("bad", {"note": None})
        self.wait_condition("bad", "Accepted", ("True", "Accepted"))
        self.wait_reason("Programmed", "bad")
