# SPDX-License-Identifier: Apache-2.0
"""Two controllers and one Lease of a real API server: one works, and there are never two."""

import datetime
import pathlib
import signal
import time

from fleet import Controller, FleetCase
from harness import extension, module
from processes import wait_equal, wait_until

LEASE = 15  # seconds
TAKEOVER = 17  # seconds
PAIRS = 10  # at a time, since each kill takes as long as a Lease lives
KILLS = 2  # of each pair
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{}"


def seconds(record):
    """When it was logged, as time.time() gives it."""
    return datetime.datetime.fromisoformat(record["ts"].replace("Z", "+00:00")).timestamp()


class Pair:
    """Two controllers of one namespace, with a store and a Lease of their own."""

    def __init__(self, case, ports=(None, None)):
        self.case = case
        self.namespace = case.new_namespace()
        self.release = case.cluster.apply_roles(self.namespace)
        case.addCleanup(case.drop_roles, self.release)
        folder = pathlib.Path(case.folder) / self.namespace
        folder.mkdir()
        self.controllers = [self.controller(folder, i, port) for i, port in enumerate(ports)]

    def controller(self, folder, number, port):
        account = f"{self.release}-controller"
        kubeconfig = self.case.cluster.account(self.namespace, account, port=port)
        flags = ["--namespace", self.namespace, "--module-root", self.case.modules]
        lease = (self.namespace, account)
        name = f"controller-{self.namespace}-{number}"
        process = Controller(folder, folder / "store", lease, kubeconfig, flags, name)
        self.case.processes.append(process)
        self.case.addCleanup(process.port.release)
        self.case.addCleanup(self.case.end, process)
        process.start()
        return process

    @property
    def lease(self):
        return LEASES.format(self.namespace, f"{self.release}-controller")

    def leaders(self):
        return [each for each in self.controllers if each.running and each.leads()]

    def leader(self):
        """Waits for it; never are there two."""

        def one():
            leaders = self.leaders()
            assert len(leaders) < 2, "two lead"
            return leaders

        return wait_until(one, f"{self.namespace}: nobody leads")[0]

    def transitions(self):
        """How often the Lease went from one to another."""
        return self.case.cluster.get(self.lease)["spec"]["leaseTransitions"]

    def other(self, controller):
        return self.controllers[1 - self.controllers.index(controller)]

    def took_over_at(self, controller):
        """When it began to lead, or None."""
        record = next((r for r in controller.records() if r["msg"] == "leading"), None)
        return record and seconds(record)

    def make(self, name="filter"):
        self.case.apply(extension(namespace=self.namespace, name=name))

    def wait_programmed(self, name="filter"):
        wait_equal(
            lambda: self.case.cluster.condition(self.namespace, name, "Ready"),
            ("True", "Programmed"),
            f"{self.namespace}/{name}",
        )


class LeaderTest(FleetCase):
    def setUp(self):
        super().setUp()
        (self.modules / "filter.wasm").write_bytes(module())

    def drop_roles(self, release):
        self.release = release
        self.remove_roles()

    def end(self, process):
        if process.running:
            process.kill()

    def test_a_killed_leader_is_followed_within_17_seconds_twenty_times(self):
        pairs = [Pair(self) for _ in range(PAIRS)]
        for pair in pairs:
            pair.make()
            pair.wait_programmed()
        slowest = 0
        before = {pair: pair.transitions() for pair in pairs}
        for _ in range(KILLS):
            killed = [(pair, pair.leader()) for pair in pairs]
            at = {}
            for pair, leader in killed:
                at[leader] = time.time()
                leader.kill()
            for pair, leader in killed:
                took = wait_until(lambda: pair.took_over_at(pair.other(leader)), "no takeover")
                self.assertGreater(took, at[leader], "two led")
                slowest = max(slowest, took - at[leader])
                leader.start()
                self.assertEqual(pair.leaders(), [pair.other(leader)])
        self.assertLess(slowest, TAKEOVER)
        for pair in pairs:
            self.assertEqual(pair.transitions(), before[pair] + KILLS)
            pair.make("late")
            pair.wait_programmed("late")

    def test_a_leader_that_ends_is_followed_at_once(self):
        pair = Pair(self)
        leader = pair.leader()
        # A standby knows the Lease before it is given back.
        pair.other(leader).wait_record(msg="standing by")
        ended = time.time()
        leader.stop()
        took = wait_until(lambda: pair.took_over_at(pair.other(leader)), "no takeover")
        self.assertLess(took - ended, LEASE / 2)

    def test_a_leader_that_is_cut_off_ends_before_another_leads(self):
        proxy = self.toxiproxy()
        pair = Pair(self, ports=(proxy.port.number, None))
        first, second = pair.controllers
        if pair.leader() is second:
            second.stop()
            wait_until(first.leads, "no takeover")
            second.start()
        second.wait_record(msg="standing by")
        proxy.cut()
        wait_until(lambda: not first.running, "it goes on")
        self.assertEqual(first.child.returncode, 1)
        (lost,) = first.records(msg="lease lost: another may lead now")
        took = wait_until(lambda: pair.took_over_at(second), "no takeover")
        self.assertLess(seconds(lost), took)
        pair.make()
        pair.wait_programmed()

    def test_a_leader_that_hangs_writes_nothing_when_it_wakes(self):
        pair = Pair(self)
        leader = pair.leader()
        other = pair.other(leader)
        other.wait_record(msg="standing by")
        leader.child.send_signal(signal.SIGSTOP)
        took = wait_until(lambda: pair.took_over_at(other), "no takeover")
        # The store is still locked by the one that hangs.
        other.wait_record(msg="store not to be had yet")
        pair.make()
        leader.child.send_signal(signal.SIGCONT)
        wait_until(lambda: not leader.running, "it goes on")
        self.assertEqual(leader.child.returncode, 1)
        late = [r for r in leader.records() if seconds(r) > took]
        self.assertNotIn("extension programmed", [r["msg"] for r in late])
        pair.wait_programmed()

    def test_a_deleted_lease_is_made_again_by_who_held_it(self):
        pair = Pair(self)
        leader = pair.leader()
        pair.other(leader).wait_record(msg="standing by")
        holder = self.cluster.get(pair.lease)["spec"]["holderIdentity"]
        status, _ = self.cluster.request("DELETE", pair.lease)
        self.assertEqual(status, 200)
        again = wait_until(lambda: self.cluster.get(pair.lease), "no Lease")
        self.assertEqual(again["spec"]["holderIdentity"], holder)
        self.assertEqual(pair.leaders(), [leader])
