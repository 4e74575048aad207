# SPDX-License-Identifier: Apache-2.0
"""What processes take while they live: looked at every ten seconds, and the trend in it."""

import collections
import math
import os
import pathlib
import time

from processes import Meanwhile

INTERVAL = 10  # seconds
ESTABLISHED = "01"
HOUR = 3600

Sample = collections.namedtuple("Sample", "at rss anon descriptors connections threads loaded")
Trend = collections.namedtuple("Trend", "slope band")  # by the hour


def local():
    """The inodes of sockets that lead nowhere but to this machine's processes."""
    return {line.split()[6] for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]}


def standing():
    """The connections over IPv4 that stand: inode → local port."""
    found = {}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == ESTABLISHED:
            found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def memory(pid):
    """Resident KiB, all and anonymous.  Not of status, which is off by some pages a CPU."""
    kib = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value = line.split()[:2]
        kib[key] = int(value)
    return kib["Rss:"], kib["Anonymous:"]


def descriptors(pid, ports):
    """How many are open that are no sockets of a network, and how many that are: of those to these
    ports, which clients made, only the ones that they have ended."""
    near, clients = local(), standing()
    others = network = 0
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            kind, _, inode = os.readlink(entry).partition(":[")
        except FileNotFoundError:  # closed since
            continue
        inode = inode.rstrip("]")
        is_network = kind == "socket" and inode not in near
        others += not is_network
        network += is_network and clients.get(inode) not in ports
    return others, network


def take(pid, ports=(), loaded=False):
    """One sample of a process; ports: where it listens."""
    rss, anon = memory(pid)
    threads = len(os.listdir(f"/proc/{pid}/task"))
    return Sample(time.monotonic(), rss, anon, *descriptors(pid, ports), threads, loaded)


class Series:
    """The samples of one process, from its start to its end."""

    def __init__(self, name, pid):
        self.name = name
        self.pid = pid
        self.samples = []

    def since(self, begin):
        return [each for each in self.samples if each.at >= begin]


class Sampler(Meanwhile):
    """Looks at every process that runs, until the with block ends.

    watched() gives (name, pid, ports, loaded) of each.
    """

    def __init__(self, watched):
        super().__init__()
        self.watched = watched
        self.series = []

    def run(self):
        while not self.ending.wait(INTERVAL):
            for name, pid, ports, loaded in self.watched():
                try:
                    sample = take(pid, ports, loaded)
                except (OSError, KeyError):  # it ended meanwhile
                    continue
                self.of(name, pid).samples.append(sample)

    def of(self, name, pid):
        for each in self.series:
            if (each.name, each.pid) == (name, pid):
                return each
        self.series.append(Series(name, pid))
        return self.series[-1]


def trend(points):
    """The slope of (seconds, value) by least squares, by the hour, and two standard errors of it.

    What is seen now is much like what was seen ten seconds ago, so that n samples say less than n
    independent ones would: the band is widened by the residuals' correlation with the next.
    """
    n = len(points)
    if n < 4:
        return Trend(0.0, math.inf)
    mean_t = sum(t for t, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (y - mean_y) for t, y in points) / spread
    residuals = [y - mean_y - slope * (t - mean_t) for t, y in points]
    squares = sum(r * r for r in residuals)
    alike = sum(a * b for a, b in zip(residuals, residuals[1:])) / squares if squares else 0
    alike = min(max(alike, 0), 0.99)
    error = math.sqrt(squares / (n - 2) / spread * (1 + alike) / (1 - alike))
    return Trend(slope * HOUR, 2 * error * HOUR)
