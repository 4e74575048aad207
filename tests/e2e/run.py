#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests against the built program and a real Envoy.

    tests/e2e/run.py [PATTERN…]     only the tests whose name holds a PATTERN

Wants the Python of `tools/setup venv`, where Envoy and the xDS descriptors are.  WASMXDS,
WASMXDS_FILTER and ENVOY name other files than those of the tree.
"""

import argparse
import pathlib
import signal
import sys
import time
import unittest

sys.dont_write_bytecode = True

from cluster import Shared  # noqa: E402
from processes import check_built  # noqa: E402


class Result(unittest.TestResult):
    """One line a test, and the logs of what ran when one fails."""

    def __init__(self):
        super().__init__()
        self.failed = 0
        self.skips = 0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.good = True
        self.skip = None

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
        print(f"FAILED {test.id()}\n{trace}", flush=True)
        for line in getattr(test, "tails", list)():
            print(f"    {line}")

    def stopTest(self, test):
        super().stopTest(test)
        self.failed += not self.good
        self.skips += self.good and self.skip is not None
        took = time.monotonic() - self.began
        verdict = "FAILED" if not self.good else "ok    " if self.skip is None else "skip  "
        why = f": {self.skip}" if self.skip else ""
        print(f"{verdict} {test.id()} ({took:.1f} s){why}", flush=True)


def each_test(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each_test(test)
        else:
            yield test


def main():
    parser = argparse.ArgumentParser(description="Runs the end-to-end tests.")
    parser.add_argument("patterns", metavar="PATTERN", nargs="*", help="part of a test's name")
    patterns = parser.parse_args().patterns

    try:
        check_built()
    except AssertionError as e:
        sys.exit(f"e2e: {e}")
    # A termination unwinds like Ctrl-C, so that no child is left behind.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.default_int_handler)
    found = unittest.defaultTestLoader.discover(pathlib.Path(__file__).parent)
    result = Result()
    try:
        for test in each_test(found):
            if not patterns or any(pattern in test.id() for pattern in patterns):
                run_one(test, result)
    finally:
        Shared.stop()
    passed = result.testsRun - result.failed - result.skips
    print(f"e2e: {passed} passed, {result.failed} failed, {result.skips} skipped")
    return 0 if result.testsRun and not result.failed else 1


def run_one(test, result):
    try:
        test.run(result)
    except KeyboardInterrupt:
        test.doCleanups()  # which unittest leaves out
        raise


if __name__ == "__main__":
    sys.exit(main())
