# SPDX-License-Identifier: Apache-2.0
"""Faults for tests/tools/store_driver.c: one system call of it after the other, by strace."""

import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from processes import TREE

DRIVER = pathlib.Path(
    os.environ.get("WASMXDS_STORE_DRIVER") or TREE / "build/release/tests/tools/store_driver"
)
MARK = "getppid"  # the driver calls it before and after what is tested
MEMORY = {"brk", "mmap", "munmap", "mprotect", "futex"}  # nothing of the store's

# The calls that can end so, of those that the store makes.
ERRORS = {
    "ENOSPC": "openat mkdir mkdirat write fsync renameat ftruncate pwrite64",
    "EIO": "openat mkdir mkdirat read write fsync renameat unlinkat fchmod newfstatat getdents64",
    "EROFS": "openat mkdir mkdirat renameat unlinkat fchmod ftruncate",
}

Point = collections.namedtuple("Point", "fault call number for_ever")


class Broken(Exception):
    pass


def strace(log, *options):
    return ["strace", "-f", "-qq", "-o", str(log), *options]


class Faults:
    """Runs the driver with one fault each, in a folder of its own, and looks what came of it."""

    def __init__(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-faults-", dir=memory))
        self.calls = self._window()

    def close(self):
        shutil.rmtree(self.folder)

    def _window(self):
        """How often each call is made before the first mark, and between the marks."""
        before, inside = collections.Counter(), collections.Counter()
        log = self.folder / "trace"
        self._drive("run", "window", strace(log)).check_returncode()
        marks = 0
        for line in log.read_text().splitlines():
            call = re.match(r"\d+ +(\w+)\(", line)
            if not call:
                continue
            marks += call[1] == MARK
            if marks < 2:
                (inside if marks else before)[call[1]] += 1
        assert marks == 2 and inside["renameat"], f"no trace of the driver in {log.read_text()}"
        calls = inside.keys() - MEMORY - {MARK}
        return {call: (before[call], inside[call]) for call in sorted(calls)}

    def _points(self, fault, calls, for_ever=False):
        for call in calls:
            before, inside = self.calls.get(call, (0, 0))
            for number in range(before + 1, before + inside + 1):
                yield Point(fault, call, number, for_ever)

    def kills(self):
        """At each call that is made."""
        return list(self._points("signal=KILL", self.calls))

    def errors(self, name):
        """At each call that can end so: once, and from then on."""
        fault, calls = f"error={name}", ERRORS[name].split()
        return [*self._points(fault, calls), *self._points(fault, calls, for_ever=True)]

    def run(self, points):
        """Tries each point; returns what failed, and how many did not."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = list(pool.map(self._problem, points))
        failures = [f"{point}: {problem}" for point, problem in zip(points, problems) if problem]
        return failures, len(points) - len(failures)

    def _problem(self, point):
        name = "-".join(map(str, point))
        try:
            self._try(point, name)
        except Broken as e:
            return str(e)
        finally:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return None

    def _try(self, point, name):
        log = self.folder / f"{name}.trace"
        when = f"{point.number}{'+' if point.for_ever else ''}"
        inject = f"inject={point.call}:{point.fault}:when={when}"
        ran = self._drive("run", name, strace(log, "-e", f"trace={point.call}", "-e", inject))
        trace = log.read_text()
        log.unlink()
        if "KILL" in point.fault:
            if "killed by SIGKILL" not in trace:
                raise Broken("was not killed")
        elif "INJECTED" not in trace:
            raise Broken("had no such call")
        elif ran.returncode and not point.for_ever:
            raise Broken("did not get over one error")
        checked = self._drive("check", name)
        if checked.returncode:
            raise Broken(checked.stdout.strip() or f"check ended with {checked.returncode}")

    def _drive(self, verb, name, prefix=()):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        command = [*prefix, DRIVER, verb, folder / "above/store", folder / "ledger"]
        return subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, timeout=60
        )


class Injected:
    """A fault that a running process has in these calls until the with block ends."""

    def __init__(self, process, error, calls):
        self.process = process
        self.log = process.folder / "strace.log"
        self.options = ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]

    def __enter__(self):
        command = ["strace", "-f", "-o", str(self.log), *self.options, "-p", str(self.process.pid)]
        self.child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = self.child.stderr.readline()
        assert "attached" in line, f"strace: {line}"
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.stderr.close()
        self.child.wait()


class SmallDisk:
    """A file system of its own size at a folder, which only processes that enter() it see."""

    def __init__(self, folder, size):
        mount = f'mount -t tmpfs -o size={size} tmpfs "$0" && echo ready && exec sleep infinity'
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        command = ["unshare", *user, "--mount", "sh", "-c", mount, str(folder)]
        self.folder = folder
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.ready = self.child.stdout.readline() == b"ready\n"
        self.user = ["--user", "--preserve-credentials"] if user else []

    def enter(self):
        """What to put before a command so that it sees the disk."""
        return ["nsenter", "--target", str(self.child.pid), *self.user, "--mount"]

    @property
    def inside(self):
        """The folder, from outside."""
        return pathlib.Path(f"/proc/{self.child.pid}/root") / str(self.folder).lstrip("/")

    def fill(self):
        """Takes all the room that is left."""
        with (self.inside / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass

    def empty(self):
        (self.inside / "filler").unlink()

    def close(self):
        self.child.terminate()
        self.child.stdout.close()
        self.child.wait()
