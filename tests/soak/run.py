#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs everything together for SOAK_MINUTES (30) while everything happens to it.

    PYTHON tests/soak/run.py TOOLS     TOOLS: the folder that tools/build-bench prints

SOAK_SEED=N has the same events in the same order again; SOAK_JSON=FILE writes the figures.  Wants
the Python of `tools/setup venv`.  docs/operations.md says what is looked at.
"""

import os
import pathlib
import random
import signal
import sys
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "tests/e2e"), str(TREE / "tests/bench")]
sys.dont_write_bytecode = True
os.environ.setdefault("E2E_LIMIT", "120")  # others may use the machine meanwhile

import report  # noqa: E402
from processes import check_built  # noqa: E402
from soak import Soak  # noqa: E402


def main():
    tools = pathlib.Path(sys.argv[1])
    minutes = float(os.environ.get("SOAK_MINUTES") or 30)
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(1 << 32))
    check_built()
    for signum in (signal.SIGINT, signal.SIGTERM):  # unwind, so that no child is left behind
        signal.signal(signum, signal.default_int_handler)
    soak = Soak(tools, minutes, seed)
    result = unittest.TestResult()
    try:
        soak.run(result)
    except KeyboardInterrupt:
        soak.doCleanups()  # which unittest leaves out
        raise
    for _, trace in (*result.errors, *result.failures):
        soak.failed += 1
        print(f"FAILED {trace}")
        print(*soak.tails(), sep="\n    ")
    if os.environ.get("SOAK_JSON"):
        report.write(os.environ["SOAK_JSON"], soak.figures)
    print(f"soak: {soak.passed} checks passed, {soak.failed} failed")
    return 0 if soak.passed and not soak.failed else 1


if __name__ == "__main__":
    sys.exit(main())
