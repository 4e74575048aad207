# SPDX-License-Identifier: Apache-2.0
"""The chart, rendered by the real helm."""

import functools
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import unittest

from cluster import CHART, helm
from processes import TREE

COMPONENTS = ("controller", "webhook", "xds")
DIGEST = "sha256:" + "ab" * 32
SECRET_MODE = (
    *("webhook.certificates.mode=secret", "webhook.certificates.secret.name=pair"),
    "webhook.certificates.secret.caBundle=PEM",
)
TLS = ("xds.tls.secretName=pair",)
MUCH = (
    *SECRET_MODE,
    *TLS,
    *("networkPolicy.enabled=true", "sealKey.existingSecret=seal", f"image.digest={DIGEST}"),
    *("controller.replicaCount=2", "xds.replicaCount=3", "persistence.accessModes={ReadWriteMany}"),
    *("xds.tls.clientPolicy=* *", "xds.podDisruptionBudget.enabled=true"),
    *("controller.podDisruptionBudget.enabled=true", "rbac.secretNamespaces={default}"),
    *("moduleVolume.configMap.name=modules", "commonLabels.team=mesh"),
    "webhook.namespaceSelector.matchLabels.wasm=yes",
)

# What each key is tried with: behind its name what begins with one of "=.[", beside it the rest.
KEYS = {
    "nameOverride": ["=other"],
    "fullnameOverride": ["=other"],
    "commonLabels": [".team=a"],
    "image.repository": ["=r.example/other"],
    "image.tag": ["=v9"],
    "image.digest": [f"={DIGEST}"],
    "image.pullPolicy": ["=Always"],
    "imagePullSecrets": ["[0].name=pull"],
    "log.level": ["=debug"],
    "log.format": ["=json"],
    "listenAddress": ["=0.0.0.0"],
    "crds.enabled": ["=false"],
    "crds.keep": ["=false"],
    "namespaces": ["={one,two}"],
    "rbac.create": ["=false"],
    "rbac.secretNamespaces": ["={one,two}"],
    "persistence.size": ["=1Gi"],
    "persistence.storageClass": ["=fast"],
    "persistence.accessModes": ["={ReadWriteMany}"],
    "persistence.existingClaim": ["=mine"],
    "persistence.annotations": [".a=b"],
    "moduleVolume": [".configMap.name=modules"],
    "sealKey.existingSecret": ["=seal"],
    "sealKey.key": ["=other.key"],
    "networkPolicy.enabled": ["=true"],
    "metrics.serviceMonitor.enabled": ["=true"],
    "metrics.serviceMonitor.interval": ["=7s", "metrics.serviceMonitor.enabled=true"],
    "metrics.serviceMonitor.labels": [".a=b", "metrics.serviceMonitor.enabled=true"],
    "metrics.prometheusRule.enabled": ["=true"],
    "metrics.dashboard.enabled": ["=true"],
    "metrics.dashboard.labels": [".a=b", "metrics.dashboard.enabled=true"],
    "metrics.dashboard.annotations": [".a=b", "metrics.dashboard.enabled=true"],
    "metrics.prometheusRule.labels": [".a=b", "metrics.prometheusRule.enabled=true"],
    "webhook.enabled": ["=false"],
    "webhook.failurePolicy": ["=Ignore"],
    "webhook.timeoutSeconds": ["=7"],
    "webhook.namespaceSelector": [".matchLabels.a=b"],
    "webhook.objectSelector": [".matchLabels.a=b"],
    "webhook.pin": ["=false"],
    "webhook.certificates.mode": ["=secret", *SECRET_MODE[1:]],
    "webhook.certificates.certManager.issuerRef": [
        *(".name=issuer", "webhook.certificates.mode=certManager")
    ],
    "webhook.certificates.secret.name": ["=other", *SECRET_MODE],
    "webhook.certificates.secret.caBundle": ["=OTHER", *SECRET_MODE],
    "xds.service.type": ["=LoadBalancer"],
    "xds.service.port": ["=9000"],
    "xds.service.annotations": [".a=b"],
    "xds.tls.secretName": ["=pair"],
    "xds.tls.clientPolicy": ["=* *", *TLS],
    "xds.sotwFullState": ["=true"],
    "extraObjects": ["[0].apiVersion=v1", "[0].kind=ConfigMap", "[0].metadata.name=extra"],
}
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
PREFERENCE = (
    *("weight=1", "preference.matchExpressions[0].key=disk"),
    "preference.matchExpressions[0].operator=Exists",
)
COMPONENT_KEYS = {
    "replicaCount": ["=3", "persistence.sameNode=true"],
    "extraArgs": ["={--one,--two=2}"],
    "extraEnv": ["[0].name=A", "[0].value=b"],
    "extraVolumes": ["[0].name=more"],
    "extraVolumeMounts": [
        *("[0].name=more", "[0].mountPath=/more", "COMPONENT.extraVolumes[0].name=more")
    ],
    "resources": [".limits.cpu=7"],
    "nodeSelector": [".disk=ssd"],
    "tolerations": ["[0].key=a", "[0].operator=Exists"],
    "affinity": [f".nodeAffinity.{PREFERRED}[0].{each}" for each in PREFERENCE],
    "topologySpreadConstraints": [
        *("[0].maxSkew=1", "[0].topologyKey=zone", "[0].whenUnsatisfiable=DoNotSchedule"),
        "[0].labelSelector.matchLabels.a=b",
    ],
    "priorityClassName": ["=high"],
    "podAnnotations": [".a=b"],
    "podLabels": [".a=b"],
    "strategy": [".type=Recreate"],
    "terminationGracePeriodSeconds": ["=77"],
    "livenessProbe": [".periodSeconds=77"],
    "readinessProbe": [".periodSeconds=77"],
    "serviceAccount.create": ["=false", "COMPONENT.serviceAccount.name=mine"],
    "serviceAccount.name": ["=mine"],
    "serviceAccount.annotations": [".role=arn"],
    "podDisruptionBudget.enabled": ["=true"],
    "podDisruptionBudget.maxUnavailable": ["=2", "COMPONENT.podDisruptionBudget.enabled=true"],
}
EXCEPTIONS = {"webhook.podDisruptionBudget.enabled": ["=false"]}
# Which shows in no object, only in what is not refused: see Guards.
SHOWN_ELSEWHERE = ["persistence.sameNode"]


def every_key():
    """Yields each key, what sets it, and what must be set beside it."""
    keys = dict(KEYS)
    for component in COMPONENTS:
        for key, settings in COMPONENT_KEYS.items():
            keys[f"{component}.{key}"] = [each.replace("COMPONENT", component) for each in settings]
    for key, settings in {**keys, **EXCEPTIONS}.items():
        own = [key + each for each in settings if each[0] in "=.["]
        yield key, own, [each for each in settings if each[0] not in "=.["]


def set_flags(settings):
    return [flag for each in settings for flag in ("--set", each)]


def try_render(*settings, namespace="w"):
    flags = ["--namespace", namespace, *set_flags(settings)]
    return helm("template", "w", CHART, *flags, check=False)


@functools.cache
def render(*settings):
    """What the chart comes to, but for the key, which is another each time."""
    done = try_render(*settings)
    assert done.returncode == 0, done.stderr
    return re.sub(r"^  (\S+key): \S{60}$", r"  \1: RANDOM", done.stdout, flags=re.M)


def documented_keys():
    """The keys of values.yaml, as tools/chart-readme finds them."""
    loader = importlib.machinery.SourceFileLoader("chart_readme", str(TREE / "tools/chart-readme"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("chart_readme", loader)
    )
    loader.exec_module(module)
    return [key for key, _, _ in module.values((CHART / "values.yaml").read_text())]


class Chart(unittest.TestCase):
    def test_it_is_of_the_programs_version(self):
        header = (TREE / "base/version.h").read_text()
        version = re.search(r'WASMXDS_VERSION "(.*)"', header)[1]
        chart = (CHART / "Chart.yaml").read_text()
        self.assertEqual(re.findall(r"^(?:v|appV)ersion: (.*)$", chart, re.M), [version, version])

    def test_lint_finds_nothing(self):
        self.assertIn("0 chart(s) failed", helm("lint", "--strict", CHART))

    def test_the_readme_has_every_key(self):
        done = subprocess.run([TREE / "tools/chart-readme", "--check"], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_key_is_tried_below(self):
        tried = [key for key, _, _ in every_key()]
        self.assertEqual(sorted(tried + SHOWN_ELSEWHERE), sorted(documented_keys()))

    def test_every_key_does_something(self):
        for key, own, beside in every_key():
            with self.subTest(key):
                self.assertNotEqual(render(*beside, *own), render(*beside))

    def test_a_key_that_is_not_known_is_refused(self):
        sections = {key.rpartition(".")[0] for key in documented_keys()}
        self.assertGreater(len(sections), 15)
        for section in sections:
            with self.subTest(section):
                typo = f"{section}.typo".lstrip(".")
                done = try_render(f"{typo}=1")
                self.assertEqual(done.returncode, 1)
                self.assertIn("additional properties 'typo' not allowed", done.stderr)

    def test_a_value_of_the_wrong_kind_is_refused(self):
        for setting in (
            *(
                "image.pullPolicy=Sometimes",
                "log.level=loud",
                "crds.keep=maybe",
                "image.digest=abc",
            ),
            *("webhook.failurePolicy=Shrug", "webhook.timeoutSeconds=31", "xds.service.port=0"),
            *("persistence.accessModes={ReadOnlyMany}", "controller.replicaCount=-1"),
            *("persistence.size=much", "webhook.certificates.mode=none"),
        ):
            with self.subTest(setting):
                done = try_render(setting)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"'/{setting.partition('=')[0].replace('.', '/')}", done.stderr)


class Golden(unittest.TestCase):
    """What is rendered, as it was looked at last.  UPDATE_GOLDEN=1 writes it anew, to look at."""

    def test_renders(self):
        watched = ("metrics.serviceMonitor.enabled=true", "metrics.prometheusRule.enabled=true")
        for name, settings in (("little", ()), ("much", (*MUCH, *watched))):
            with self.subTest(name):
                golden = TREE / f"tests/e2e/golden/chart-{name}.yaml"
                # The definition has tests of its own.
                seen = render("crds.enabled=false", *settings)
                if os.environ.get("UPDATE_GOLDEN"):
                    golden.write_text(seen)
                self.assertEqual(golden.read_text(), seen)


class Guards(unittest.TestCase):
    """What cannot work is refused, with what to do."""

    def assertRefused(self, message, *settings, namespace="w"):
        done = try_render(*settings, namespace=namespace)
        self.assertEqual(done.returncode, 1)
        self.assertIn(message, done.stderr)

    def test_several_pods_on_a_volume_of_one_node(self):
        want = "set persistence.accessModes={ReadWriteMany}"
        self.assertRefused(want, "xds.replicaCount=2")
        self.assertRefused(want, "controller.replicaCount=2")
        render("xds.replicaCount=2", "persistence.accessModes={ReadWriteMany}")
        render("xds.replicaCount=2", "persistence.existingClaim=shared")
        render("xds.replicaCount=2", "persistence.sameNode=true")

    def test_the_pods_of_a_volume_of_one_node_stay_together(self):
        together = "topologyKey: kubernetes.io/hostname"
        self.assertEqual(render().count(together), 2)
        self.assertEqual(render("persistence.accessModes={ReadWriteMany}").count(together), 0)

    def test_kube_system(self):
        self.assertRefused("kube-system is no place for it", namespace="kube-system")

    def test_a_class_for_a_claim_that_is_there(self):
        both = ("persistence.existingClaim=a", "persistence.storageClass=b")
        self.assertRefused("persistence.storageClass is of a claim that the chart makes", *both)

    def test_a_certificate_without_its_authority(self):
        self.assertRefused("so that API servers believe it", *SECRET_MODE[:2])
        self.assertRefused("so that API servers believe it", SECRET_MODE[0], SECRET_MODE[2])

    def test_client_certificates_without_tls(self):
        self.assertRefused("wants xds.tls.secretName", "xds.tls.clientPolicy=* *")

    def test_an_account_that_nobody_names(self):
        for component in COMPONENTS:
            want = f"{component}.serviceAccount.name is needed"
            self.assertRefused(want, f"{component}.serviceAccount.create=false")
