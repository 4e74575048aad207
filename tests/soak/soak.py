# SPDX-License-Identifier: Apache-2.0
"""The soak: everything runs together, everything happens to it, and nothing may grow or fail."""

import collections
import contextlib
import random
import subprocess
import sys
import time

import report
from bed import LOAD_NAMES, PATIENCE, SETTINGS
from events import Events
from measure import INTERVAL, Sampler, take
from processes import wait_equal, wait_until
from traffic import CLIENTS, Load

REST = 6 * INTERVAL  # seconds in which nothing happens but requests
DRAINED = 180  # seconds until connections that nobody uses are closed
KEPT = 16  # connections that workers may keep of what they asked last
SPARE = 4  # threads that gRPC's pools may have more or less
SLACK = 64 << 10  # bytes by which a store may differ from itself
HOPELESS = 3  # events in a row that failed
CROWDS, CROWD, FLEET = 5, 60, 400  # how often, extensions at once, and xDS clients

# 4 KiB each 4 s: what shows that a leak of a few MiB an hour would be seen.
LEAK = """\
import mmap, time
memory = mmap.mmap(-1, 1 << 26, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(0, 1 << 26, 4096):
    memory[page] = 1
    time.sleep(4)
"""


class Soak(Events):
    """One run.  passed and failed count its checks."""

    def __init__(self, tools, minutes, seed):
        super().__init__()
        self.tools = tools
        self.half = minutes * 60 / 2
        self.random = random.Random(seed)
        self.seed = seed
        self.passed = 0
        self.failed = 0
        self.figures = []
        self.floor = {}
        self.happened = collections.Counter()

    def say(self, text):
        print(f"{time.monotonic() - self.begun:7.1f} s  {text}", flush=True)

    @contextlib.contextmanager
    def check(self, what):
        """One check: what fails in the block is told, and the soak goes on."""
        begin = time.monotonic()
        try:
            yield
        except Exception as e:
            self.failed += 1
            self.say(f"FAILED {what}: {type(e).__name__}: {e}")
        else:
            self.passed += 1
            self.say(f"ok     {what} ({time.monotonic() - begin:.1f} s)")

    def runTest(self):
        self.begun = time.monotonic()
        self.install(*SETTINGS)
        self.start_registry()
        self.store = self.node.claim("wasmxds") / "store"
        self.fill()
        self.start_envoys()
        self.start_control()
        address = f"{self.xds[1].address}:8610"
        where = (self.tools / "load", self.folder, address, self.authority.cert)
        self.load = Load(*where, LOAD_NAMES, self.seed)
        self.sampler = Sampler(self.watched)
        with contextlib.ExitStack() as stack:
            for each in (*self.traffic, self.load, self.sampler):
                stack.enter_context(each)
            self.go_through()
        self.check_requests()

    def start_control(self):
        self.control = subprocess.Popen([sys.executable, "-c", LEAK])
        self.addCleanup(self.control.wait)
        self.addCleanup(self.control.kill)

    def go_through(self):
        self.say(f"everything runs; seed {self.seed}")
        begin = time.monotonic()
        self.until(begin + self.half, (*self.GENTLE, *self.KILLING))
        self.crowd()
        first = self.rest("between the halves")
        begin = time.monotonic()
        self.until(begin + self.half - REST, self.GENTLE)
        last = self.rest("at the end")
        self.judge(begin, time.monotonic())
        self.compare(first, last)

    def crowd(self):
        """More at once than any event brings, so that what follows needs no more than is had already.

        A heap reaches the most that it ever needs by chance, over hours, and that is no leak.
        """
        for n in range(CROWDS):
            with self.check(f"crowds of extensions and of xDS clients come and go, {n + 1}"):
                self.come_and_go(CROWD)
                with self.load.present:
                    self.load.visit(FLEET)
                for kind in ("webhook", "certificates", "module", "registry", "watch"):
                    self.happen(kind)

    def until(self, end, kinds):
        """Events in a random order, each kind as often as another; all kinds once in any case."""
        deck, times, in_a_row = [], 0, 0
        while time.monotonic() < end or times < len(kinds):
            deck = deck or self.random.sample(kinds, len(kinds))
            kind = deck.pop()
            failed = self.failed
            with self.check(f"{kind}, Envoys at {self.places()}"):
                self.happen(kind)
            in_a_row = in_a_row + 1 if self.failed > failed else 0
            if in_a_row:
                self.mend()
            self.assertLess(in_a_row, HOPELESS, "as many events in a row failed")
            times += 1
            self.happened[kind] += 1
            time.sleep(self.random.uniform(0, 3))

    def places(self):
        with contextlib.suppress(OSError):
            return ", ".join(str(place) for place in self.where())
        return "?"

    def mend(self):
        """Starts again what an event that failed left behind."""
        with contextlib.suppress(Exception):
            self.proxy.heal()
            if not self.registry.running:
                self.registry.start()
            if not self.cluster.api.running:
                self.cluster.start_api()
            self.node.keep()

    def watched(self):
        """Of the sampler."""
        for pod in self.node.pods:
            if pod.running:
                yield pod.name, pod.pid, self.ports(pod), self.loaded(pod)
        for envoy in self.envoys:
            if envoy.running:
                yield envoy.name, envoy.pid, (), False
        yield "control", self.control.pid, (), False

    def loaded(self, pod):
        return pod is self.xds[1] and self.load.near

    def ports(self, pod):
        return {each["containerPort"] for each in pod.container["ports"]}

    def rest(self, when):
        """Nothing happens: what nobody uses goes.  Returns the store's size."""
        with self.load.present:
            with self.check(f"modules that nobody uses are collected, {when}"):
                wait_equal(self.blobs, self.used(), "the store's modules", PATIENCE)
            self.revive()
            floor = self.idle()
            if self.floor:
                self.check_floor()
            self.floor = floor
            return self.store_bytes()

    def idle(self):
        """The most that may be open of each process from now on, by what is open while it rests."""
        seen = collections.defaultdict(list)
        end = time.monotonic() + REST
        while time.monotonic() < end:
            for pod in self.node.pods:
                with contextlib.suppress(OSError):  # it lost its Lease just now
                    seen[pod.name, pod.pid].append(self.look(pod))
            time.sleep(INTERVAL)
        return {
            process: [
                min(each.descriptors for each in samples),
                min(each.connections for each in samples) + KEPT,
                min(each.threads for each in samples) + SPARE,
            ]
            for process, samples in seen.items()
        }

    def look(self, pod):
        return take(pod.pid, self.ports(pod))

    def check_floor(self):
        """What was open when nothing happened before is open now, and no more."""

        def grown():
            found = {}
            for pod in self.node.pods:
                most = self.floor.get((pod.name, pod.pid))
                sample = self.look(pod)
                now = [sample.descriptors, sample.connections, sample.threads]
                if most and any(a > b for a, b in zip(now, most)):
                    found[pod.name] = f"{now}, and at most {most} before"
            return found

        what = "descriptors, connections and threads are as before"
        with self.check(what):
            wait_equal(grown, {}, what, DRAINED)

    def judge(self, begin, end):
        found = report.rows(self.sampler.series, begin, end)
        print(report.HEAD)
        for row in found:
            print(row.text(), flush=True)
            self.figures += row.figures()
        names = [row.name for row in found]
        ours = [pod.name for pod in self.node.pods]
        for spared in (self.xds[1], self.webhooks[1], *self.controllers):
            with self.check(f"{spared.name} was measured to the end"):
                self.assertIn(spared.name, names)
        for row in found:
            if row.name in ours:
                with self.check(f"{row.name} does not grow"):
                    self.assertEqual(list(row.problems()), [])
        with self.check("a leak of 3.5 MiB/h is seen"):
            (control,) = [row for row in found if row.name == "control"]
            self.assertNotEqual(list(control.problems()), [])

    def compare(self, first, last):
        self.figures.append(("store_bytes_between", first, "bytes", None))
        self.figures.append(("store_bytes_end", last, "bytes", None))
        with self.check(f"the store has not grown: {first} bytes before, {last} now"):
            self.assertLessEqual(last, first + SLACK)

    def check_requests(self):
        for traffic in self.traffic:
            with self.check(f"{traffic.envoy.name}: {traffic.answers} requests, none failed"):
                self.assertEqual(traffic.failures[:10], [])
        with self.check(f"{self.load.visits} visits of {CLIENTS} xDS clients, none failed"):
            self.assertEqual(self.load.failures, [])
            self.assertGreater(self.load.visits, 0)
        self.say(", ".join(f"{kind} {n}" for kind, n in sorted(self.happened.items())))
        answers = sum(traffic.answers for traffic in self.traffic)
        failures = sum(len(traffic.failures) for traffic in self.traffic)
        self.figures.append(("requests", answers, "", None))
        self.figures.append(("requests_failed", failures, "", None))
        self.figures.append(("events", sum(self.happened.values()), "", None))
