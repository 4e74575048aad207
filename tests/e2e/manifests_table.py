# SPDX-License-Identifier: Apache-2.0
"""WasmExtensions that are right, and such as are wrong, for every rule that there is.

A row is changes to the least that is right: the path of a field and its value.  Of what is wrong,
it says at which field, and who finds out: the definition (CRD) by itself, or only the webhook and
`wasmxds validate`, which both refuse all of them.
"""

import copy
import typing

ABSENT = object()
DIGEST = "8d2a0a1cc7dd0d0e5c2d3ea4ba6cb3a4b5f1c9d2b0a8b4c6e1f3a5d7c9e0b2a4"
MIB = 1048576

LEAST = {
    "runtime": "v8",
    "vm_id": "vm",
    "root_id": "root",
    "image": {"protocol": "local_fs", "uri": "filter.wasm"},
}


class Good(typing.NamedTuple):
    title: str
    changes: dict  # of fields below spec, by their dotted path


class Bad(typing.NamedTuple):
    title: str
    changes: dict
    field: str  # below spec; where messages are about its children, too
    crd: bool = True  # whether the definition refuses it


def manifest(row, name, namespace):
    """The row as a document."""
    spec = copy.deepcopy(LEAST)
    for path, value in row.changes.items():
        at = spec
        *parents, last = path.split(".")
        for key in parents:
            at = at.setdefault(key, {})
        if value is ABSENT:
            at.pop(last, None)
        else:
            at[last] = value
    return {
        "apiVersion": "wasmxds.tetrate.io/v1alpha1",
        "kind": "WasmExtension",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def image(protocol, uri, **more):
    return {"image": {"protocol": protocol, "uri": uri, **more}}


def value_from(kind="secretKeyRef", field="plugin_configuration", **more):
    reference = {"name": "values", "key": "config.json", **more}
    kept = {key: value for key, value in reference.items() if value is not ABSENT}
    return {field: {"valueFrom": {kind: kept}}}


def reload_with(base, most=None):
    backoff = {"base_interval": base, **({"max_interval": most} if most else {})}
    return {"fail_policy": "fail_reload", "reload_backoff": backoff}


def tracked(interval):
    return image("https", "foo.com/f.wasm", track=True, interval=interval)


LOCAL = [
    "filter.wasm",
    "/abs/filter.wasm",
    "a/b/c.wasm",
    "..hidden/f..wasm",
    "a//b.wasm",
    "./f.wasm",
    "ünï/ცოდე.wasm",
    "a:b@c?d=e",
    "-._",
    "f" * 2048,
    "://odd",
]
HTTP = [
    "foo.com/assets/filter.wasm",
    "localhost/f",
    "127.0.0.1:8080/f.wasm",
    "[::1]/f.wasm",
    "[2001:db8::1]:443/f.wasm",
    "[::ffff:192.0.2.1]:443/f.wasm",
    "under_score.example:1/",
    "_a_.example/f?query=a/b&c",
    "foo.com:65535/f",
    "foo.com:00080/f",
    "UPPER.Example/F.wasm",
    "a-b.c--d/f@v1",
    "a" * 63 + ".example/f",
    "foo.com/" + "f" * 2040,
]
S3 = [
    "my-s3-bucket/path/to/filter.wasm",
    "abc/f",
    "a.b.c/f",
    "1ab/" + "k" * 2000,
    "b" * 63 + "/f",
    "bucket//f",
    "bucket/ключ",
    "bucket/f@v1",
]
OCI = [
    "webassemblyhub.io/mathetake/example:v0.1",
    "123456789012.dkr.ecr.us-west-1.amazonaws.com/wasmxds-test:latest",
    "localhost/a",
    "localhost:5000/a/b/c:tag",
    "127.0.0.1:5000/a",
    "[::1]:5000/a:b",
    "registry:5000/a__b.c-d--e_f/g",
    f"r.example/a@sha256:{DIGEST}",
    f"r.example/a:v1@sha256:{DIGEST}",
    "r.example/a:_T.a-g",
    "r.example/a:" + "t" * 128,
    "R.Example/a",
]

GOOD = [
    Good("the least", {}),
    *(Good(f"runtime {name}", {"runtime": name}) for name in ("wamr", "wasmtime", "wavm")),
    Good("empty ids", {"vm_id": "", "root_id": ""}),
    Good("the longest ids", {"vm_id": "v" * 1024, "root_id": "é" * 512}),
    Good("null is absent", {"filter": None, "image.sha256": None, "plugin_configuration": None}),
    Good("plugin value", {"plugin_configuration": {"value": "one"}}),
    Good("vm value", {"vm_configuration": {"value": '{"a": ["b"]}\n'}}),
    Good("empty value", {"plugin_configuration": {"value": ""}}),
    Good("null beside a value", {"plugin_configuration": {"value": "one", "valueFrom": None}}),
    Good("a long value", {"plugin_configuration": {"value": "v" * MIB}}),
    Good("a value that is not ASCII", {"vm_configuration": {"value": "ключ " * 1000}}),
    Good("secret", value_from()),
    Good("secret of another namespace", value_from(namespace="other")),
    Good("empty namespace is one's own", value_from(namespace="")),
    Good("config map", value_from("configMapKeyRef", "vm_configuration")),
    Good("the longest names", value_from(name="n" * 253, namespace="m" * 63, key="k" * 253)),
    Good("odd names", value_from(name="a.b-c.0", namespace="0-a", key="_A-.b..c")),
    Good("key that begins with a dot", value_from(key=".config")),
    Good("sha256", {"image.sha256": DIGEST}),
    Good("pull secret", image("oci", "r.example/a", pull_secret="my.secret-0")),
    *(Good(f"debug sections {name}", {"image.debug_sections": name}) for name in ("drop", "keep")),
    Good("track", image("oci", "r.example/a", track=True)),
    Good("track false beside sha256", image("https", "a.b/c", track=False, sha256=DIGEST)),
    *(Good(f"interval {text}", tracked(text)) for text in ("10s", "24h", "1m30s", "10000ms")),
    *(Good(f"local_fs {uri[:40]}", image("local_fs", uri)) for uri in LOCAL),
    *(Good(f"http {uri[:40]}", image("http", uri)) for uri in HTTP),
    *(Good(f"https {uri[:40]}", image("https", uri)) for uri in HTTP[:4]),
    *(Good(f"s3 {uri[:40]}", image("s3", uri)) for uri in S3),
    *(Good(f"oci {uri[:40]}", image("oci", uri)) for uri in OCI),
    *(Good(f"filter {name}", {"filter": name}) for name in ("http", "network")),
    *(Good(name, {"fail_policy": name}) for name in ("fail_closed", "fail_open", "fail_reload")),
    *(
        Good(f"backoff {base} {most}", reload_with(base, most))
        for base, most in (
            ("1ms", None),
            ("24h", None),
            ("1.5s", "1m30s"),
            ("500ms", "500.000ms"),
            ("0.001s", "0.1m"),
            ("1h1m1s1ms", "2h"),
            ("1s1s", "2s"),
            ("000000001s", "1s"),
        )
    ),
    Good("host variables", {"environment": {"host_env_keys": ["A", "b c", "é" * 128]}}),
    Good("no host variables", {"environment": {"host_env_keys": []}}),
    Good("variables", {"environment": {"key_values": {"A": "", "b.c": "d=e", "F" * 256: "g"}}}),
    Good("no variables", {"environment": {"key_values": {}}}),
    Good("empty environment", {"environment": {}}),
    Good("most variables", {"environment": {"key_values": {f"K{i}": "v" for i in range(256)}}}),
    Good("most host variables", {"environment": {"host_env_keys": [f"K{i}" for i in range(256)]}}),
    Good("largest variable", {"environment": {"key_values": {"A": "v" * (262144 - 1)}}}),
    Good(
        "both kinds of variables",
        {"environment": {"host_env_keys": ["A"], "key_values": {"B": "b", "a": "c"}}},
    ),
    Good("capabilities", {"capabilities": {"allowed": ["proxy_log", "fd_write", "_0aZ"]}}),
    Good("most capabilities", {"capabilities": {"allowed": [f"f{i}" for i in range(256)]}}),
    Good("longest capability", {"capabilities": {"allowed": ["f" * 128]}}),
    *(
        Good(f"{name} {on}", {name: on})
        for name in (
            "allow_precompiled",
            "nack_on_code_cache_miss",
            "allow_on_headers_stop_iteration",
            "suspend",
        )
        for on in (True, False)
    ),
]

BAD_URIS = {
    "local_fs": ["..", "../f", "a/../f", "a/..", "/..", "a//../b"],
    "http": [
        "foo.com",
        "foo.com?a/b",
        "foo.com:/f",
        "foo.com:0/f",
        "foo.com:65536/f",
        "foo.com:123456/f",
        "foo.com:8o/f",
        "-foo.com/f",
        "foo-/f",
        "foo..com/f",
        ".foo.com/f",
        "foo.com./f",
        "a" * 64 + ".com/f",
        "[::1/f",
        "[::1]x/f",
        "/f",
        "me:password@foo.com/f",
        "me@foo.com/f",
        "fóo.com/f",
        "foo%41.com/f",
        "foo*bar/f",
    ],
    "https": ["foo.com", ":443/f"],
    "s3": [
        "bucket",
        "bucket/",
        "/key",
        "ab/key",
        "b" * 64 + "/key",
        "Bucket/key",
        "-bucket/key",
        "bucket./key",
        "buc_ket/key",
        "me:pw@bucket/key",
    ],
    "oci": [
        "filter",
        "filter:v1",
        "library/filter",
        "tetrate/filter:v1",
        "registry/team/filter",
        "r.example",
        "r.example/",
        "r.example/:v1",
        "r.example/A",
        "r.example/a//b",
        "r.example/a___b",
        "r.example/a..b",
        "r.example/-a",
        "r.example/a-",
        "r.example/a/",
        "r.example/a:",
        "r.example/a:.v",
        "r.example/a:-v",
        "r.example/a:v+1",
        "r.example/a:" + "t" * 129,
        "r.example:0/a",
        "r.example:70000/a",
        "r..example/a",
        f"r.example/a@sha256:{DIGEST[:-1]}",
        f"r.example/a@sha256:{DIGEST.upper()}",
        f"r.example/a@sha512:{DIGEST}",
        f"r.example/a@sha256:{DIGEST}@",
        "me:password@r.example/a",
        "me@r.example/a",
    ],
}
ANY_URIS = {
    "empty": "",
    "a blank": "a b",
    "a newline": "a\nb",
    "a tab": "a\tb",
    "a control character": "a\x01b",
    "DEL": "a\x7fb",
    "a scheme": "https://foo.com/f",
    "another scheme": "s3+x-y.z_1://b/k",
    "a fragment": "a#b",
    "over 2048 bytes": "f" * 2049,
}
TYPES = {
    "runtime": 8,
    "vm_id": 1,
    "root_id": True,
    "image": "filter.wasm",
    "image.protocol": 7,
    "image.uri": ["a"],
    "image.sha256": 7,
    "image.debug_sections": True,
    "image.track": "true",
    "filter": 7,
    "fail_policy": False,
    "reload_backoff": "1s",
    "environment": [],
    "environment.host_env_keys": "A",
    "environment.key_values": ["A"],
    "capabilities": ["proxy_log"],
    "capabilities.allowed": "proxy_log",
    "allow_precompiled": "yes",
    "nack_on_code_cache_miss": 1,
    "allow_on_headers_stop_iteration": "on",
    "suspend": 0,
    "plugin_configuration": "one",
    "vm_configuration": 7,
    "plugin_configuration.value": ["one"],
    "plugin_configuration.valueFrom": "secret",
}
UNKNOWN = [
    "vmId",
    "image.url",
    "plugin_configuration.valuefrom",
    "environment.keyValues",
    "capabilities.denied",
    "reload_backoff.interval",
]
REFERENCE = "plugin_configuration.valueFrom.secretKeyRef"

BAD = [
    *(Bad(f"no {name}", {name: ABSENT}, name) for name in ("runtime", "vm_id", "root_id", "image")),
    *(
        Bad(f"no {name}", {f"image.{name}": ABSENT}, f"image.{name}")
        for name in ("protocol", "uri")
    ),
    Bad("null for what is required", {"runtime": None}, "runtime"),
    *(Bad(f"wrong type of {path}", {path: value}, path) for path, value in TYPES.items()),
    *(Bad(f"unknown {path}", {path: "x"}, path) for path in UNKNOWN),
    *(Bad(f"runtime {name!r}", {"runtime": name}, "runtime") for name in ("", "V8", "null")),
    Bad("unknown protocol", {"image.protocol": "ftp"}, "image.protocol"),
    Bad("unknown debug sections", {"image.debug_sections": "strip"}, "image.debug_sections"),
    Bad("unknown filter", {"filter": "udp"}, "filter"),
    Bad("unknown fail policy", {"fail_policy": "closed"}, "fail_policy"),
    Bad("vm_id of 1025 bytes", {"vm_id": "v" * 1025}, "vm_id"),
    Bad("root_id of 1026 bytes in 513 characters", {"root_id": "é" * 513}, "root_id"),
    Bad("NUL in vm_id", {"vm_id": "a\0b"}, "vm_id"),
    *(
        Bad(f"NUL in {name}", {"environment": value}, "environment")
        for name, value in (
            ("a host variable", {"host_env_keys": ["a\0b"]}),
            ("a variable's value", {"key_values": {"a": "b\0c"}}),
        )
    ),
    Bad(
        "NUL in a variable's name",
        {"environment": {"key_values": {"a\0b": "c"}}},
        "environment.key_values",
        crd=False,
    ),
    Bad("NUL in a value", {"plugin_configuration": {"value": "a\0b"}}, "plugin_configuration"),
    Bad("neither value", {"plugin_configuration": {}}, "plugin_configuration"),
    Bad(
        "both values",
        {"vm_configuration": {"value": "a", **value_from()["plugin_configuration"]}},
        "vm_configuration",
    ),
    Bad("value over 1 MiB", {"vm_configuration": {"value": "v" * (MIB + 1)}}, "vm_configuration"),
    Bad(
        "value over 1 MiB in fewer characters",
        {"vm_configuration": {"value": "é" * (MIB // 2 + 1)}},
        "vm_configuration",
    ),
    Bad("neither reference", {"plugin_configuration.valueFrom": {}}, "plugin_configuration"),
    Bad(
        "both references",
        {
            "plugin_configuration.valueFrom": {
                "secretKeyRef": {"name": "a", "key": "b"},
                "configMapKeyRef": {"name": "a", "key": "b"},
            }
        },
        "plugin_configuration",
    ),
    Bad("no name", value_from(name=ABSENT), REFERENCE),
    Bad("no key", value_from(key=ABSENT), REFERENCE),
    *(
        Bad(f"name {name[:20]!r}", value_from(name=name), f"{REFERENCE}.name")
        for name in ("", "A", "a_b", "-a", "a-", "a..b", "a/b", "../a", "n" * 254)
    ),
    *(
        Bad(f"namespace {name[:20]!r}", value_from(namespace=name), f"{REFERENCE}.namespace")
        for name in ("A", "a.b", "-a", "a-", "n" * 64)
    ),
    *(
        Bad(f"key {key[:20]!r}", value_from(key=key), f"{REFERENCE}.key")
        for key in ("", ".", "..", "..a", "a/b", "a b", "ключ", "k" * 254)
    ),
    *(
        Bad(f"{protocol} {uri[:40]}", image(protocol, uri), "image.uri")
        for protocol, uris in BAD_URIS.items()
        for uri in uris
    ),
    *(
        Bad(f"uri: {title} ({protocol})", image(protocol, uri), "image.uri")
        for title, uri in ANY_URIS.items()
        for protocol in ("local_fs", "oci")
    ),
    Bad("uri over 2048 bytes in fewer characters", {"image.uri": "é" * 1025}, "image.uri"),
    Bad(
        "http name over 253", image("http", ".".join(["a" * 62] * 5) + "/f"), "image.uri", crd=False
    ),
    Bad("http [::zz]", image("http", "[::zz]/f"), "image.uri"),
    Bad("http [1:2]", image("http", "[1:2]/f"), "image.uri", crd=False),
    *(
        Bad(f"sha256 {text[:12]!r}", {"image.sha256": text}, "image.sha256")
        for text in (
            "",
            "abc",
            DIGEST[:-1],
            DIGEST + "0",
            DIGEST.upper(),
            "g" * 64,
            f"sha256:{DIGEST}",
        )
    ),
    *(
        Bad(
            f"pull secret with {protocol}",
            image(protocol, uri, pull_secret="a"),
            "image.pull_secret",
        )
        for protocol, uri in (("https", "foo.com/f"), ("s3", "bucket/f"), ("local_fs", "f"))
    ),
    *(
        Bad(
            f"pull secret {name!r}",
            image("oci", "r.example/a", pull_secret=name),
            "image.pull_secret",
        )
        for name in ("", "A", "a/b", "ns:a")
    ),
    Bad("track with sha256", image("https", "a.b/c", track=True, sha256=DIGEST), "image.track"),
    Bad("track with a pin", image("oci", f"a.b/c@sha256:{DIGEST}", track=True), "image.track"),
    Bad("track of a file", {"image.track": True}, "image.track"),
    Bad("interval without track", image("https", "a.b/c", interval="1m"), "image.interval"),
    Bad(
        "interval with track false",
        image("https", "a.b/c", track=False, interval="1m"),
        "image.interval",
    ),
    *(
        Bad(f"interval {text!r}", tracked(text), "image.interval")
        for text in ("", "9s", "9.999s", "25h", "1d", "-1m", "5", "1 m")
    ),
    Bad(
        "backoff with another policy", {"reload_backoff": {"base_interval": "1s"}}, "reload_backoff"
    ),
    Bad(
        "backoff with fail_open",
        {"fail_policy": "fail_open", "reload_backoff": {"base_interval": "1s"}},
        "reload_backoff",
    ),
    Bad("no base", {"fail_policy": "fail_reload", "reload_backoff": {}}, "reload_backoff"),
    Bad("max below base", reload_with("2s", "1s"), "reload_backoff.max_interval"),
    Bad(
        "max below base in other units", reload_with("1m", "59999ms"), "reload_backoff.max_interval"
    ),
    *(
        Bad(f"base {text!r}", reload_with(text), "reload_backoff.base_interval")
        for text in (
            *("", "0s", "0ms", "24h1ms", "86400.001s", "999999999h", "1.5ms", "1.0001s", "1us"),
            *("1ns", "1d", "+1s", "-1s", "1S", ".5s", "1.s", "s", "1", "1s ", "1e3s", "1s1"),
            *("1234567890ms", "infinity"),
        )
    ),
    Bad("max '0s'", reload_with("1s", "0s"), "reload_backoff.max_interval"),
    Bad("duration of 66 bytes", reload_with("1ms" * 22), "reload_backoff.base_interval"),
    *(
        Bad(
            f"host variable {name[:12]!r}",
            {"environment": {"host_env_keys": [name]}},
            "environment",
        )
        for name in ("", "A=B", "=", "n" * 257)
    ),
    Bad("host variable null", {"environment": {"host_env_keys": [None]}}, "environment"),
    Bad("host variable 7", {"environment": {"host_env_keys": [7]}}, "environment"),
    Bad("host variable twice", {"environment": {"host_env_keys": ["A", "B", "A"]}}, "environment"),
    Bad(
        "257 host variables",
        {"environment": {"host_env_keys": [f"K{i}" for i in range(257)]}},
        "environment.host_env_keys",
    ),
    Bad(
        "host variable of 257 bytes in fewer characters",
        {"environment": {"host_env_keys": ["é" * 129]}},
        "environment.host_env_keys",
    ),
    *(
        Bad(f"variable {name[:12]!r}", {"environment": {"key_values": {name: "x"}}}, "environment")
        for name in ("", "A=B", "n" * 257)
    ),
    Bad("variable 7", {"environment": {"key_values": {"A": 7}}}, "environment.key_values"),
    Bad(
        "variable null",
        {"environment": {"key_values": {"A": None}}},
        "environment.key_values",
        crd=False,
    ),
    Bad(
        "257 variables",
        {"environment": {"key_values": {f"K{i}": "v" for i in range(257)}}},
        "environment.key_values",
    ),
    Bad(
        "variables over 256 KiB",
        {"environment": {"key_values": {"A": "v" * 131072, "B": "v" * 131072}}},
        "environment.key_values",
    ),
    Bad(
        "variables over 256 KiB in fewer characters",
        {"environment": {"key_values": {"A": "é" * 131072}}},
        "environment.key_values",
        crd=False,
    ),
    Bad(
        "a variable in both",
        {"environment": {"host_env_keys": ["A", "B"], "key_values": {"B": "b"}}},
        "environment.host_env_keys",
    ),
    Bad("no capabilities", {"capabilities": {"allowed": []}}, "capabilities.allowed"),
    Bad("capabilities without a list", {"capabilities": {}}, "capabilities.allowed"),
    Bad("capability twice", {"capabilities": {"allowed": ["a", "a"]}}, "capabilities.allowed"),
    *(
        Bad(
            f"capability {name[:12]!r}",
            {"capabilities": {"allowed": [name]}},
            "capabilities.allowed",
        )
        for name in ("", "proxy-log", "env.proxy_log", "f" * 129, "é")
    ),
    Bad(
        "257 capabilities",
        {"capabilities": {"allowed": [f"f{i}" for i in range(257)]}},
        "capabilities.allowed",
    ),
]
