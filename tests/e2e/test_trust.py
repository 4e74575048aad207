# SPDX-License-Identifier: Apache-2.0
"""TLS and mTLS: who is served what, and that certificates change without a dropped stream."""

import ssl
import socket

import grpc
from envoy.config.core.v3 import extension_pb2
from envoy.service.discovery.v3 import discovery_pb2
from envoy.service.extension.v3 import config_discovery_pb2_grpc

from certificates import Authority
from harness import Case, Traffic, extension, module
from processes import LOOPBACK, wait_equal, wait_until

SHOP = "URI:spiffe://example.org/ns/shop/sa/gateway"
POLICY = """\
# who            may have what
spiffe://example.org/ns/shop/*   default,shop
admin.example.org                *
"""


class TrustTest(Case):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.server = self.authority.issue("server", f"IP:{LOOPBACK}")
        self.policy = self.folder / "policy"
        self.policy.write_text(POLICY)
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())

    def tls(self):
        return ["--tls-cert", self.server["cert"], "--tls-key", self.server["key"]]

    def mtls(self):
        ca = ["--tls-client-ca", self.authority.cert, "--client-policy", self.policy]
        return [*self.tls(), *ca]

    def client(self, *names, authority=None):
        leaf = (authority or self.authority).issue("client-" + str(len(self.processes)), *names)
        return {"ca": self.authority.cert, **leaf}

    def server_certificate(self, wasmxds):
        context = ssl.create_default_context(cafile=self.authority.cert)
        context.set_alpn_protocols(["h2"])
        with socket.create_connection((LOOPBACK, wasmxds.port.number)) as plain:
            with context.wrap_socket(plain, server_hostname=LOOPBACK) as secure:
                return secure.getpeercert()["serialNumber"]

    def test_envoy_is_served_over_tls(self):
        envoy = self.envoy(self.wasmxds(*self.tls()), tls={"ca": self.authority.cert})
        self.assertHeader(envoy, "one")

    def test_envoy_without_tls_is_served_nothing(self):
        self.envoy_without(self.wasmxds(*self.tls()))

    def test_certificate_changes_without_a_dropped_stream(self):
        wasmxds = self.wasmxds(*self.tls())
        envoy = self.envoy(wasmxds, tls={"ca": self.authority.cert})
        self.assertHeader(envoy, "one")
        before = self.server_certificate(wasmxds)
        with Traffic(envoy, ["one"]) as traffic:
            self.authority.issue("server", f"IP:{LOOPBACK}")
            wait_until(lambda: self.server_certificate(wasmxds) != before, "a new certificate")
        self.assertEqual(traffic.failures, [])
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertEqual(len(wasmxds.records(msg="stream opened")), 1)

    def test_certificate_without_its_key_leaves_the_one_before_in_force(self):
        wasmxds = self.wasmxds(*self.tls())
        envoy = self.envoy(wasmxds, tls={"ca": self.authority.cert})
        self.assertHeader(envoy, "one")
        before = self.server_certificate(wasmxds)
        other = self.authority.issue("other", f"IP:{LOOPBACK}")
        other["cert"].replace(self.server["cert"])
        self.assertEqual(self.server_certificate(wasmxds), before)
        refusal = wasmxds.wait_record(msg="certificate not usable")
        self.assertIn("server.pem", refusal["err"])
        self.assertHeader(self.envoy(wasmxds, tls={"ca": self.authority.cert}), "one")
        self.assertEqual(len(wasmxds.records(msg="certificate not usable")), 1)
        other["key"].replace(self.server["key"])
        self.assertNotEqual(self.server_certificate(wasmxds), before)
        self.assertHeader(self.envoy(wasmxds, tls={"ca": self.authority.cert}), "one")

    def test_clients_authority_changes_without_a_dropped_stream(self):
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, tls=self.client(SHOP))
        self.assertHeader(envoy, "one")
        successor = Authority(self.folder, "successor")
        of_old = self.authority.issue("of-old", SHOP)
        of_new = successor.issue("of-new", SHOP)
        # The server is judged by the old one still, clients by the new one alone.
        of_old["ca"] = of_new["ca"] = self.folder / "server-ca.pem"
        of_old["ca"].write_bytes(self.authority.cert.read_bytes())
        successor.cert.replace(self.authority.cert)
        self.assertHeader(self.envoy(wasmxds, tls=of_new), "one")
        refused = self.envoy(wasmxds, tls=of_old, fetch_timeout=1)
        self.assertEqual(refused.header(), 500)
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertEqual(len(wasmxds.records(msg="stream opened")), 2)

    def test_client_is_served_what_its_certificate_is_granted(self):
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, tls=self.client(SHOP))
        self.assertHeader(envoy, "one")
        state = lambda: wasmxds.clients()["envoy1", "default/filter"]["state"]
        wait_equal(state, "SYNCED", "state")

    def test_client_is_denied_another_namespace(self):
        self.write("other.yaml", extension(namespace="bank"))
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, "bank/filter", tls=self.client(SHOP), fetch_timeout=1)
        self.assertEqual(envoy.header(), 500)
        self.assertEqual(wasmxds.clients()["envoy1", "bank/filter"]["state"], "DENIED")

    def test_dns_name_may_be_granted_everything(self):
        self.write("other.yaml", extension(namespace="bank"))
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, "bank/filter", tls=self.client("DNS:admin.example.org"))
        self.assertHeader(envoy, "one")

    def test_client_that_the_policy_does_not_name_is_refused(self):
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, tls=self.client("DNS:nobody.example.org"), fetch_timeout=1)
        self.assertEqual(envoy.header(), 500)
        wasmxds.wait_record(msg="stream refused", identity="nobody.example.org")

    def test_client_without_a_certificate_is_refused(self):
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, tls={"ca": self.authority.cert}, fetch_timeout=1)
        self.assertEqual(envoy.header(), 500)
        self.assertEqual(wasmxds.records(msg="stream opened"), [])

    def test_client_of_another_authority_is_refused(self):
        stranger = Authority(self.folder, "stranger")
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, tls=self.client(SHOP, authority=stranger), fetch_timeout=1)
        self.assertEqual(envoy.header(), 500)
        self.assertEqual(wasmxds.records(msg="stream opened"), [])

    def test_unary_fetch_gives_what_the_certificate_is_granted_alone(self):
        self.write("other.yaml", extension(namespace="bank"))
        wasmxds = self.wasmxds(*self.mtls())
        wait_until(lambda: wasmxds.metric("wasmxds_extensions") == 2, "both extensions")
        names = ["bank/filter", "default/filter"]
        self.assertEqual(self.fetch(wasmxds, self.client(SHOP), *names), ["default/filter"])
        admin = self.client("DNS:admin.example.org")
        self.assertEqual(self.fetch(wasmxds, admin, *names), names)
        with self.assertRaises(grpc.RpcError) as caught:
            self.fetch(wasmxds, self.client(SHOP), "bank/filter")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        with self.assertRaises(grpc.RpcError) as caught:
            self.fetch(wasmxds, self.client("DNS:nobody.example.org"), *names)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)

    def fetch(self, wasmxds, files, *names):
        """The names that come back."""
        ca, cert, key = (files[name].read_bytes() for name in ("ca", "cert", "key"))
        credentials = grpc.ssl_channel_credentials(ca, key, cert)
        with grpc.secure_channel(f"{LOOPBACK}:{wasmxds.port.number}", credentials) as channel:
            stub = config_discovery_pb2_grpc.ExtensionConfigDiscoveryServiceStub(channel)
            request = discovery_pb2.DiscoveryRequest(resource_names=names)
            response = stub.FetchExtensionConfigs(request)
        config = extension_pb2.TypedExtensionConfig()
        return [config.name for resource in response.resources if resource.Unpack(config)]

    def test_policy_is_read_again_when_it_changes(self):
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, tls=self.client("DNS:late.example.org"), ready=False)
        wasmxds.wait_record(msg="stream refused", identity="late.example.org")
        self.policy.write_text(POLICY + "late.example.org default\n")
        self.assertHeader(envoy, "one")

    def test_grant_taken_back_ends_the_stream_and_takes_nothing_from_traffic(self):
        wasmxds = self.wasmxds(*self.mtls())
        envoy = self.envoy(wasmxds, tls=self.client(SHOP))
        self.assertHeader(envoy, "one")
        with Traffic(envoy, ["one"]) as traffic:
            self.policy.write_text("admin.example.org *\n")
            wasmxds.wait_record(msg="stream refused")
        self.assertEqual(traffic.failures, [])

    def test_broken_policy_leaves_the_one_before_in_force(self):
        wasmxds = self.wasmxds(*self.mtls())
        self.policy.write_text("spiffe://example.org/ns/shop/*\n")
        wasmxds.wait_record(msg="policy not usable")
        self.assertHeader(self.envoy(wasmxds, tls=self.client(SHOP)), "one")

    def test_rest_discovery_is_off_where_clients_must_show_a_certificate(self):
        wasmxds = self.wasmxds(*self.mtls())
        request = '{"resource_names": ["default/filter"]}'
        answer = wasmxds.admin("/v3/discovery:extension_configs", request)
        self.assertEqual(answer.status, 403)

    def test_flags_that_do_not_go_together_are_refused(self):
        for flags, says in (
            (["--tls-cert", self.server["cert"]], "--tls-key"),
            (["--tls-client-ca", self.authority.cert], "--tls-cert"),
            ([*self.tls(), "--tls-client-ca", self.authority.cert], "--client-policy"),
        ):
            result = self.run_command("run", *map(str, flags), str(self.manifests))
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn(says, result.stderr)

    def test_key_of_another_certificate_is_refused_at_the_start(self):
        other = self.authority.issue("other", f"IP:{LOOPBACK}")
        flags = ["--tls-cert", str(self.server["cert"]), "--tls-key", str(other["key"])]
        result = self.run_command("run", *flags, "--listen", f"{LOOPBACK}:0", str(self.manifests))
        self.assertEqual(result.returncode, 1)
        self.assertIn("server.pem", result.stderr)
        wait_equal(lambda: result.stdout, "", "nothing on stdout")
