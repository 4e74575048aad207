# SPDX-License-Identifier: Apache-2.0
"""What the samples say: a row for each process that was measured, and what it must keep to."""

import json

from measure import INTERVAL, trend

STEEPEST = 1024  # KiB an hour of resident memory
SHORTEST = 0.8  # of the measured time, for a series to be judged


class Row:
    """One process over the measured time."""

    def __init__(self, series, samples):
        quiet = [each for each in samples if not each.loaded]
        self.name = series.name
        self.samples = samples
        self.rss, self.anon = (
            trend([(each.at, getattr(each, field)) for each in quiet]) for field in ("rss", "anon")
        )

    def problems(self):
        """What grows: a slope that is steep, and that chance does not explain."""
        for what, found in (("RSS", self.rss), ("anonymous memory", self.anon)):
            if found.slope > STEEPEST and found.slope > found.band:
                yield f"{what} grows by {found.slope:.0f} ± {found.band:.0f} KiB/h"

    def range(self, field):
        values = [getattr(each, field) for each in self.samples]
        return f"{min(values)}-{max(values)}"

    def text(self):
        first, last = self.samples[0].rss / 1024, self.samples[-1].rss / 1024
        return (
            f"{self.name:<22}{len(self.samples):>8}{first:>8.1f}{last:>8.1f}"
            f"{self.rss.slope:>10.0f} ±{self.rss.band:>7.0f}"
            f"{self.anon.slope:>10.0f} ±{self.anon.band:>7.0f}"
            f"{self.range('descriptors'):>10}{self.range('connections'):>8}"
            f"{self.range('threads'):>9}"
        )

    def figures(self):
        for what, found in (("rss_slope", self.rss), ("anon_slope", self.anon)):
            yield f"{self.name}_{what}", round(found.slope, 1), "KiB/h", round(found.band, 1)
        last = self.samples[-1]
        yield f"{self.name}_rss", last.rss, "KiB", None
        yield f"{self.name}_descriptors", last.descriptors, "", None
        yield f"{self.name}_connections", last.connections, "", None
        yield f"{self.name}_threads", last.threads, "", None


HEAD = (
    f"{'process':<22}{'samples':>8}{'RSS MiB':>16}{'KiB/h':>19}{'own KiB/h':>19}"
    f"{'fds':>10}{'tcp':>8}{'threads':>9}"
)


def rows(series, begin, end):
    """Of those that lived through nearly all of the time from begin to end."""
    least = SHORTEST * (end - begin) / INTERVAL
    found = [Row(each, each.since(begin)) for each in series]
    return sorted((row for row in found if len(row.samples) >= least), key=lambda row: row.name)


def write(path, figures):
    with open(path, "w") as out:
        for name, value, unit, band in figures:
            row = {"name": f"soak_{name}", "ours": value, "peer": None, "unit": unit}
            print(json.dumps({**row, **({} if band is None else {"band": band})}), file=out)
