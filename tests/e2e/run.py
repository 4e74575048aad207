#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests against the built program and a real Envoy.

    tests/e2e/run.py [--jobs N] [PATTERN…]     only the tests whose name holds a PATTERN

Wants the Python of `tools/setup venv`, where Envoy and the xDS descriptors are.  WASMXDS,
WASMXDS_FILTER and ENVOY name other files than those of the tree; E2E_LIMIT=SECONDS is how long a
test waits for what takes far less (30).

Most tests wait most of the time, so some run side by side, each job with a Kubernetes API server
of its own.  How long each took last time is kept in build/test: the longest begin first.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import signal
import sys
import time
import unittest

sys.dont_write_bytecode = True

import image  # noqa: E402
from cluster import Shared  # noqa: E402
from processes import check_built  # noqa: E402

HERE = pathlib.Path(__file__).parent
TIMES = HERE.parents[1] / "build/test/e2e-times.json"
JOBS = 3


class Result(unittest.TestResult):
    """A block of lines for each test, printed at once; the logs of what ran when one fails."""

    def __init__(self, printing):
        super().__init__()
        self.printing = printing
        self.failed = []  # the blocks of those that did
        self.skips = 0
        self.times = {}

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.good = True
        self.skip = None
        self.lines = []

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip = reason

    def addError(self, test, err):
        super().addError(test, err)
        self._report(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._report(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._report(test, f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def _report(self, test, trace):
        self.good = False
        self.lines.append(f"FAILED {test.id()}\n{trace}")
        self.lines.extend(f"    {line}" for line in getattr(test, "tails", list)())

    def stopTest(self, test):
        super().stopTest(test)
        self.skips += self.good and self.skip is not None
        took = time.monotonic() - self.began
        self.times[test.id()] = round(took, 1)
        verdict = "FAILED" if not self.good else "ok    " if self.skip is None else "skip  "
        why = f": {self.skip}" if self.skip else ""
        self.lines.append(f"{verdict} {test.id()} ({took:.1f} s){why}")
        block = "\n".join(self.lines)
        if not self.good:
            self.failed.append(block)
        with self.printing:
            print(block, flush=True)


def each_test(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each_test(test)
        else:
            yield test


def chosen(patterns):
    """The tests to run, those that took longest last time first."""
    found = each_test(unittest.defaultTestLoader.discover(HERE))
    tests = [t for t in found if not patterns or any(p in t.id() for p in patterns)]
    times = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    return sorted(tests, key=lambda test: -times.get(test.id(), 0))


def keep(times):
    known = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    TIMES.parent.mkdir(parents=True, exist_ok=True)
    new = TIMES.with_suffix(".new")
    new.write_text(json.dumps(known | times, indent=0, sort_keys=True))
    os.replace(new, TIMES)


class Job:
    """A process that takes one test after the other until there are none."""

    def __init__(self, tests, taken, printing):
        self.tests, self.taken = tests, taken
        self.result = Result(printing)
        self.receiver, self.sender = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=self._work)
        self.process.start()
        self.sender.close()

    def _work(self):
        try:
            self._take_tests()
        except KeyboardInterrupt:
            sys.exit(1)
        result = self.result
        self.sender.send((result.testsRun, result.failed, result.skips, result.times))

    def _take_tests(self):
        try:
            while (test := self._next()) is not None:
                run_one(test, self.result)
        finally:
            Shared.stop()
            image.discard()

    def _next(self):
        with self.taken:
            i = self.taken.value
            self.taken.value += 1
        return self.tests[i] if i < len(self.tests) else None

    def outcome(self):
        """(run, those that failed, skipped, times), once it has no more tests."""
        try:
            return self.receiver.recv()
        except EOFError:
            return 1, [f"FAILED a job that ran tests: exit code {self.exit_code()}"], 0, {}

    def exit_code(self):
        self.process.join()
        return self.process.exitcode


def run_one(test, result):
    try:
        test.run(result)
    except KeyboardInterrupt:
        test.doCleanups()  # which unittest leaves out
        raise


def run_all(tests, jobs):
    printing = multiprocessing.Lock()
    taken = multiprocessing.Value("i", 0)
    started = [Job(tests, taken, printing) for _ in range(min(jobs, len(tests)))]
    try:
        return [job.outcome() for job in started]
    except KeyboardInterrupt:
        for job in started:
            job.process.terminate()
        raise
    finally:
        for job in started:
            job.process.join()


def conclude(outcomes):
    """Repeats what failed, so that it is near the end of a long log; returns the exit code."""
    failed = [block for outcome in outcomes for block in outcome[1]]
    run, skipped = (sum(outcome[i] for outcome in outcomes) for i in (0, 2))
    for outcome in outcomes:
        keep(outcome[3])
    for block in failed:
        print("----", block, sep="\n")
    print(f"e2e: {run - len(failed) - skipped} passed, {len(failed)} failed, {skipped} skipped")
    return 0 if run and not failed else 1


def unwind(*_):
    """A termination unwinds like Ctrl-C, so that no child is left behind; once is enough."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description="Runs the end-to-end tests.")
    parser.add_argument("patterns", metavar="PATTERN", nargs="*", help="part of a test's name")
    parser.add_argument("--jobs", type=int, default=JOBS, help="tests side by side (%(default)s)")
    arguments = parser.parse_args()

    try:
        check_built()
    except AssertionError as e:
        sys.exit(f"e2e: {e}")
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, unwind)
    outcomes = run_all(chosen(arguments.patterns), arguments.jobs)
    return conclude(outcomes)


if __name__ == "__main__":
    sys.exit(main())
