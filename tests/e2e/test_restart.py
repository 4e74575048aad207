# SPDX-License-Identifier: Apache-2.0
"""Neither side's end takes a filter away, and a new beginning sends only what changed."""

import contextlib
import signal

from harness import Case, Traffic, altered, extension, module
from processes import Wasmxds, wait_equal, wait_until

FILTER = "default/filter"


def connections(envoy):
    return envoy.stat("cluster.wasmxds.upstream_cx_total")


def connected(envoy):
    """Whether the filter's stream stands; an ADS stream has its stat elsewhere."""
    state = "control_plane.connected_state"
    return envoy.filter_stat(FILTER, state) or envoy.stat(state)


def wait_reconnected(envoy, before):
    """Until Envoy has made a connection more than before, and its stream stands."""
    wait_until(
        lambda: connections(envoy) > before and connected(envoy),
        f"{envoy.name} did not come back to wasmxds",
    )


def messages(wasmxds):
    """How many requests wasmxds read, and how many responses it sent."""
    return tuple(wasmxds.metric(f"wasmxds_xds_{kind}_total") for kind in ("requests", "responses"))


class RestartTest(Case):
    def test_restart_of_wasmxds_fails_no_request(self):
        self.restart_under_traffic(wasmxds_ends=Wasmxds.stop)

    def test_kill_of_wasmxds_fails_no_request(self):
        self.restart_under_traffic(wasmxds_ends=Wasmxds.kill)

    def restart_under_traffic(self, wasmxds_ends):
        """With an Envoy on each transport."""
        wasmxds, first = self.start_both()
        others = [self.envoy(wasmxds, transport=t) for t in ("delta", "ads", "ads-delta")]
        envoys = [first, *others]
        before = [connections(envoy) for envoy in envoys]
        with contextlib.ExitStack() as stack:
            traffic = [stack.enter_context(Traffic(envoy, want=["one"])) for envoy in envoys]
            wasmxds_ends(wasmxds)
            for envoy in envoys:
                wait_until(lambda: not connected(envoy), f"{envoy.name} did not notice the end")
            wasmxds.start()
            for envoy, count in zip(envoys, before):
                wait_reconnected(envoy, count)
            for each in traffic:
                answers = each.answers
                wait_until(lambda: each.answers > answers + 20, "no traffic")
        self.assertEqual([each.failures for each in traffic], [[]] * len(envoys))
        self.write("filter.yaml", extension(plugin="two"))
        for envoy in envoys:
            self.assertHeader(envoy, "two")

    def test_reconnect_sends_nothing_that_envoy_has(self):
        self.unchanged_reconnect("grpc")

    def test_reconnect_by_delta_sends_nothing_that_envoy_has(self):
        self.unchanged_reconnect("delta")

    def test_reconnect_by_ads_sends_nothing_that_envoy_has(self):
        self.unchanged_reconnect("ads")

    def unchanged_reconnect(self, transport):
        wasmxds, envoy = self.start_both(transport=transport)
        before = connections(envoy)
        wasmxds.restart()
        wait_reconnected(envoy, before)
        # One update more would be the same again; the stream is in order, so it would show first.
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertEqual(envoy.filter_stat(FILTER, "update_success"), 2)

    def test_change_made_while_wasmxds_was_down_is_sent_on_reconnect(self):
        wasmxds, envoy = self.start_both()
        wasmxds.stop()
        self.write("filter.yaml", extension(plugin="two"))
        wasmxds.start()
        self.assertHeader(envoy, "two")

    def test_restarted_envoy_is_served_while_the_modules_source_is_gone(self):
        _, envoy = self.start_both()
        self.remove("filter.wasm")
        envoy.restart()
        self.assertHeader(envoy, "one")

    def test_both_restarted_are_served_while_the_modules_source_is_gone(self):
        wasmxds, envoy = self.start_both()
        self.remove("filter.wasm")
        wasmxds.stop()
        envoy.stop()
        wasmxds.start()
        envoy.start()
        self.assertHeader(envoy, "one")

    def test_new_configuration_is_served_while_the_modules_source_is_gone(self):
        wasmxds, envoy = self.start_both()
        self.remove("filter.wasm")
        wasmxds.restart()
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")

    def test_store_outlives_a_kill_of_wasmxds(self):
        wasmxds, _ = self.start_both()
        wasmxds.kill()
        self.remove("filter.wasm")
        wasmxds.start()
        self.assertHeader(self.envoy(wasmxds), "one")

    def test_filter_that_was_dropped_is_sent_anew_after_a_reconnect_by_ads(self):
        self.dropped_and_wanted_anew("default/marker")

    def test_last_filter_that_was_dropped_is_sent_anew_after_a_reconnect_by_ads(self):
        self.dropped_and_wanted_anew()

    def test_filter_that_was_dropped_is_sent_anew_with_full_state(self):
        self.dropped_and_wanted_anew("default/marker", full_state=True)

    def test_last_filter_that_was_dropped_is_sent_anew_with_full_state(self):
        self.dropped_and_wanted_anew(full_state=True)

    def dropped_and_wanted_anew(self, *kept, full_state=False):
        self.write("filter.wasm", module())
        self.write("marker.wasm", altered(b"x-wasm-filter", b"x-wasm-marker"))
        self.write("filter.yaml", extension())
        self.write("marker.yaml", extension("marker", uri="marker.wasm"))
        wasmxds = self.wasmxds(*(["--sotw-full-state"] if full_state else []))
        names = (FILTER, *kept)
        options = {"transport": "ads", "dynamic": True, "unified_mux": full_state}
        envoy = self.envoy(wasmxds, *names, **options)
        wait_until(
            lambda: all(r["state"] == "SYNCED" for r in wasmxds.clients().values()), "no ACK"
        )
        requests, responses = messages(wasmxds)

        envoy.set_filters(*kept)
        # It says that it dropped the name, is told of a version without it, and accepts that,
        # which without unified_mux it does not say where it has no name left.
        wait_equal(
            lambda: messages(wasmxds),
            (requests + (2 if kept or full_state else 1), responses + 1),
            "the version was not moved on",
        )
        self.assertEqual(list(wasmxds.clients()), [(envoy.name, name) for name in kept])
        wasmxds.stop()
        envoy.set_filters(*names)
        wait_until(lambda: envoy.stat("listener_manager.total_listeners_warming"), "no new listener")
        wasmxds.start()
        wait_equal(envoy.header, ["one"], "the filter did not come back")
        self.assertEqual(envoy.header("x-wasm-marker"), ["one"] if kept else [])

    def test_filter_that_was_dropped_and_is_wanted_anew_is_sent_on_the_same_stream(self):
        self.write("filter.wasm", module())
        self.write("marker.wasm", altered(b"x-wasm-filter", b"x-wasm-marker"))
        self.write("filter.yaml", extension())
        self.write("marker.yaml", extension("marker", uri="marker.wasm"))
        wasmxds = self.wasmxds()
        names = (FILTER, "default/marker")
        for transport in ("ads", "ads-delta", "delta"):
            with self.subTest(transport):
                envoy = self.envoy(wasmxds, *names, transport=transport, dynamic=True)
                self.assertHeader(envoy, "one")
                envoy.set_filters("default/marker")
                self.assertHeader(envoy)
                wait_equal(
                    lambda: [name for node, name in wasmxds.clients() if node == envoy.name],
                    ["default/marker"],
                    "the name was not dropped",
                )
                envoy.set_filters(*names)
                self.assertHeader(envoy, "one")
                self.assertEqual(connections(envoy), 1)

    def test_refused_configuration_does_not_come_back_after_a_restart(self):
        wasmxds, envoy = self.start_both()
        self.write("filter.yaml", extension(plugin="refuse me"))
        wasmxds.wait_record(msg="nack", name=FILTER)
        before = connections(envoy)
        wasmxds.restart()
        wait_reconnected(envoy, before)
        self.assertEqual(envoy.header(), ["one"])
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")

    def test_refused_configuration_is_not_offered_again_after_a_restart(self):
        self.refused_and_restarted(wasmxds_ends=Wasmxds.stop)

    def test_refused_configuration_is_not_offered_again_after_a_kill(self):
        self.refused_and_restarted(wasmxds_ends=Wasmxds.kill)

    def refused_and_restarted(self, wasmxds_ends):
        wasmxds, envoy = self.start_both()
        self.write("filter.yaml", extension(plugin="refuse me"))
        reason = wasmxds.wait_record(msg="nack", name=FILTER)["reason"]
        wait_until((self.store / "refusals").exists, "the refusal was not kept")
        before = connections(envoy)
        wasmxds_ends(wasmxds)
        wasmxds.start()
        wait_reconnected(envoy, before)
        seen = wait_until(lambda: wasmxds.clients().get((envoy.name, FILTER)), "no subscription")
        self.assertEqual((seen["state"], seen["reason"]), ("NACK", reason))
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        # Offered again, it would have been accepted, and not run.
        self.assertEqual(envoy.filter_stat(FILTER, "update_success"), 2)

    def test_sigterm_ends_within_two_seconds_with_streams_open(self):
        wasmxds, _ = self.start_both()
        for transport in ("delta", "ads"):
            self.envoy(wasmxds, transport=transport)
        self.assertEqual(wasmxds.stop(signal.SIGTERM, limit=2 + 3), 0)

    def test_sigint_ends_as_sigterm_does(self):
        wasmxds, _ = self.start_both()
        self.assertEqual(wasmxds.stop(signal.SIGINT, limit=2 + 3), 0)
