# SPDX-License-Identifier: Apache-2.0
"""What each part's service account may do, by the chart's own roles on a real API server, is what
docs/security.md says."""

import re

from cluster import ClusterCase
from processes import TREE, wait_until

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


def documented(part, where):
    """The rules of a row of the table."""
    text = (TREE / "docs/security.md").read_text().partition("| part | where | may |")[2]
    (rules,) = re.findall(rf"^\| {re.escape(part)} \| {re.escape(where)} \| (.*) \|$", text, re.M)
    return re.findall(r"`([^`]+)`", rules)


class Roles(ClusterCase):
    CONTROLLER = documented("controller", "`namespaces`, or all")
    VALUES = documented("controller", "`rbac.secretNamespaces`, or the same")
    REVIEWS = documented("webhook", "all")

    def account(self, component):
        return f"{self.release}-{component}"

    def apply_roles(self, *arguments):
        self.release = self.cluster.apply_roles(self.namespace, *arguments)
        self.addCleanup(self.remove_roles)

    def remove_roles(self):
        label = f"app.kubernetes.io/instance={self.release}"
        kinds = "clusterroles,clusterrolebindings,roles,rolebindings"
        self.cluster.kubectl("delete", kinds, "-A", "--selector", label)

    def rules(self, account, namespace):
        """What it may do there, one line a rule, but for what everybody may."""
        seen = self._rules(account, namespace)
        return sorted(seen - self._rules("nobody", namespace))

    def _rules(self, account, namespace):
        spec = {"spec": {"namespace": namespace}}
        status, answer = self.cluster.request(
            "POST", REVIEW, spec, token=self.cluster.token(self.namespace, account)
        )
        self.assertEqual(status, 201, answer)
        self.assertFalse(answer["status"]["incomplete"])
        return {
            " ".join(
                [
                    ",".join(sorted(rule["verbs"])),
                    *(
                        f"{resource}.{group}".rstrip(".")
                        for group in rule["apiGroups"]
                        for resource in rule["resources"]
                    ),
                    *rule.get("resourceNames", []),
                ]
            )
            for rule in answer["status"]["resourceRules"]
        }

    def assertMay(self, component, want, namespace=None):
        """Waits for these rules and no others: the API server takes a moment to see new ones."""
        seen = None

        def reached():
            nonlocal seen
            seen = self.rules(self.account(component), namespace or self.namespace)
            return seen == sorted(want)

        try:
            wait_until(reached, f"the rules of {component}")
        except AssertionError as e:
            raise AssertionError(f"{e}: want {sorted(want)}, last seen {seen}") from None

    def setUp(self):
        super().setUp()
        self.other = self.new_namespace()
        self.kubectl("create", "serviceaccount", "nobody")

    def of_this_release(self, rules):
        named = [rule.replace("NAMESPACE", self.namespace) for rule in rules]
        return [rule.replace("RELEASE", self.release) for rule in named]

    def leases(self):
        return self.of_this_release(documented("controller", "its own namespace"))

    def test_the_controller_reads_what_extensions_refer_to_and_writes_status(self):
        self.apply_roles()
        self.assertMay("controller", self.CONTROLLER + self.VALUES + self.leases())
        self.assertMay("controller", self.CONTROLLER + self.VALUES, self.other)

    def test_the_controller_reads_secrets_of_the_named_namespaces_alone(self):
        self.apply_roles("--set", f"rbac.secretNamespaces={{{self.other}}}")
        self.assertMay("controller", self.CONTROLLER + self.leases())
        self.assertMay("controller", self.CONTROLLER + self.VALUES, self.other)

    def test_the_controller_of_some_namespaces_may_nothing_in_others(self):
        self.apply_roles("--set", f"namespaces={{{self.other}}}")
        self.assertMay("controller", self.CONTROLLER + self.VALUES, self.other)
        self.assertMay("controller", self.leases())
        self.assertMay("controller", [], self.new_namespace())

    def test_the_webhook_keeps_its_own_certificate(self):
        self.apply_roles()
        configurations = documented("webhook, mode `own`", "all")
        everywhere = self.REVIEWS + self.of_this_release(configurations)
        own = self.of_this_release(documented("webhook, mode `own`", "its own namespace"))
        self.assertMay("webhook", everywhere + own)
        self.assertMay("webhook", everywhere, self.other)

    def test_the_webhook_whose_certificate_others_keep_asks_who_may_and_no_more(self):
        self.apply_roles("--set", "webhook.certificates.mode=certManager")
        self.assertMay("webhook", self.REVIEWS)
        self.assertMay("webhook", self.REVIEWS, self.other)

    def test_xds_may_do_nothing(self):
        self.apply_roles()
        self.assertMay("controller", self.CONTROLLER + self.VALUES + self.leases())  # in force
        self.assertMay("xds", [])
        self.assertMay("xds", [], self.other)

    def test_no_roles_where_somebody_else_makes_them(self):
        seen = self.cluster.template("--set", "rbac.create=false")
        self.assertIn("kind: ServiceAccount", seen)
        self.assertNotIn("rbac.authorization.k8s.io", seen)
