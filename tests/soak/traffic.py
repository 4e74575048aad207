# SPDX-License-Identifier: Apache-2.0
"""Who uses the filters meanwhile: requests through Envoy, and xDS clients that come and go."""

import random
import threading
import time
import types

from load_client import Clients
from harness import Traffic
from processes import Meanwhile

CLIENTS = 40
SETTLES = 15  # seconds until what a load left behind is given back


class Wanted:
    """What each filter may show: (header, value) pairs, of which an answer must have just one."""

    def __init__(self):
        self.pairs = {}  # by filter; a tuple is replaced, never changed

    def allow(self, name, *pairs):
        self.pairs[name] = pairs

    def good(self, before, seen):
        """Whether an answer fits what was allowed when it was asked for, or what is now."""
        if not isinstance(seen, list) or len(seen) != len(before):
            return False
        now = self.pairs
        return all(
            sum(pair in before[name] or pair in now[name] for pair in seen) == 1 for name in before
        )


class Steady(Traffic):
    """Requests through an Envoy whose every answer must have what is wanted of each filter."""

    pause = 0.05

    def __init__(self, envoy, wanted):
        super().__init__(envoy, wanted)
        self.before = {}
        self.last = []

    def ask(self):
        self.before = dict(self.want.pairs)
        answer = self.envoy.get()
        if answer.status != 200:
            return answer.status
        return sorted(
            (name, value)
            for name, value in answer.headers.items()
            if name.startswith("x-wasm-") and name != "x-wasm-vm"
        )

    def good(self, seen):
        self.last = seen
        return self.want.good(self.before, seen)

    def shows(self, pair):
        return isinstance(self.last, list) and pair in self.last


class Load(Meanwhile):
    """A fleet at one replica of xds: comes, syncs, comes back with what it holds, and goes."""

    def __init__(self, tool, folder, address, authority, names, seed):
        super().__init__()
        self.tool = tool
        self.server = types.SimpleNamespace(folder=folder, address=address)
        self.tls = [("cert", authority)]
        self.names = names
        self.random = random.Random(seed)
        self.present = threading.Lock()  # held while it is there, or by who keeps it away
        self.left = 0.0
        self.visits = 0
        self.failures = []

    @property
    def near(self):
        """Whether it is there, or has only just gone."""
        return self.present.locked() or time.monotonic() < self.left + SETTLES

    def run(self):
        while not self.ending.wait(self.random.uniform(25, 40)):
            with self.present:
                try:
                    self.visit(CLIENTS)
                except (AssertionError, OSError, ValueError) as e:
                    self.failures.append(repr(e)[:500])

    def visit(self, n):
        """So many come, by SotW and by Delta in turn.  Of who holds present."""
        try:
            self._visit(n, delta=self.visits % 2 == 1, goodbye=self.visits // 2 % 2 == 1)
        finally:
            self.left = time.monotonic()
            self.visits += 1

    def _visit(self, n, delta, goodbye):
        with Clients(self.tool, self.server, n, self.names, self.tls, delta) as clients:
            got = clients.connect_and_sync()
            assert got["resources"] == n * self.names, f"of a first sync: {got}"
            self.ending.wait(self.random.uniform(1, 5))
            clients.do("drop")
            got = clients.do("reconnect 1")
            assert got["resources"] == 0, f"sent again what they held: {got}"
            if goodbye:
                clients.do("drop")
