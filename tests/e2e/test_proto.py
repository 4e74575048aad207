# SPDX-License-Identifier: Apache-2.0
"""Holds proto/xds.proto, our subset, against the descriptors that Envoy publishes."""

import importlib
import pathlib
import subprocess
import tempfile
import unittest

from google.protobuf import descriptor_pb2, descriptor_pool

from processes import TREE

OURS = "wasmxds.xds."

# Ours → (the Python module that holds theirs, its full name).
THEIRS = {
    "Any": ("google.protobuf.any_pb2", "google.protobuf.Any"),
    "AnyString": ("google.protobuf.any_pb2", "google.protobuf.Any"),
    "AnyWasm": ("google.protobuf.any_pb2", "google.protobuf.Any"),
    "StringValue": ("google.protobuf.wrappers_pb2", "google.protobuf.StringValue"),
    "BoolValue": ("google.protobuf.wrappers_pb2", "google.protobuf.BoolValue"),
    "Duration": ("google.protobuf.duration_pb2", "google.protobuf.Duration"),
    "Status": ("google.rpc.status_pb2", "google.rpc.Status"),
    "Node": ("envoy.config.core.v3.base_pb2", "envoy.config.core.v3.Node"),
    "ControlPlane": ("envoy.config.core.v3.base_pb2", "envoy.config.core.v3.ControlPlane"),
    "DataSource": ("envoy.config.core.v3.base_pb2", "envoy.config.core.v3.DataSource"),
    "AsyncDataSource": ("envoy.config.core.v3.base_pb2", "envoy.config.core.v3.AsyncDataSource"),
    "BackoffStrategy": (
        "envoy.config.core.v3.backoff_pb2",
        "envoy.config.core.v3.BackoffStrategy",
    ),
    "TypedExtensionConfig": (
        "envoy.config.core.v3.extension_pb2",
        "envoy.config.core.v3.TypedExtensionConfig",
    ),
    "Wasm": (
        "envoy.extensions.filters.http.wasm.v3.wasm_pb2",
        "envoy.extensions.filters.http.wasm.v3.Wasm",
    ),
}
for message in (
    "CapabilityRestrictionConfig",
    "EnvironmentVariables",
    "FailurePolicy",
    "PluginConfig",
    "ReloadConfig",
    "SanitizationConfig",
    "VmConfig",
):
    full_name = f"envoy.extensions.wasm.v3.{message}"
    THEIRS[message] = ("envoy.extensions.wasm.v3.wasm_pb2", full_name)
for message in (
    "DiscoveryRequest",
    "DiscoveryResponse",
    "DeltaDiscoveryRequest",
    "DeltaDiscoveryResponse",
    "Resource",
):
    full_name = f"envoy.service.discovery.v3.{message}"
    THEIRS[message] = ("envoy.service.discovery.v3.discovery_pb2", full_name)

# Fields whose type differs on purpose, all length-delimited on both sides: the bytes of an Any are
# the message that they hold, and the text of a StringValue is bytes.
SAME_ON_THE_WIRE = {
    "AnyString.value": ("bytes", "StringValue"),
    "AnyWasm.value": ("bytes", "Wasm"),
    "StringValue.value": ("string", "bytes"),
}

# Fields that Envoy has and the published descriptors have not yet: the shape that they must have.
# Envoy 1.40 moved capability_restriction_config here from PluginConfig, where it is deprecated;
# DumpTest of test_options.py has a real Envoy say that it reads it.
NOT_PUBLISHED = {
    "VmConfig.capability_restriction_config": (
        8,
        "LABEL_OPTIONAL",
        "CapabilityRestrictionConfig",
    ),
}

FieldProto = descriptor_pb2.FieldDescriptorProto
TYPE_NAMES = {number: name[5:].lower() for name, number in FieldProto.Type.items()}


def our_file():
    """proto/xds.proto, as protoc reads it."""
    with tempfile.TemporaryDirectory(prefix="wasmxds-e2e-") as folder:
        compiled = pathlib.Path(folder) / "xds.pb"
        protoc = ["protoc", f"--descriptor_set_out={compiled}", "-Iproto", "proto/xds.proto"]
        subprocess.run(protoc, cwd=TREE, check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())
    return files.file[0]


def our_messages():
    return {message.name: message for message in our_file().message_type}


def their_message(name):
    module, full_name = THEIRS[name]
    importlib.import_module(module)
    theirs = descriptor_pb2.DescriptorProto()
    descriptor_pool.Default().FindMessageTypeByName(full_name).CopyToProto(theirs)
    return theirs


def type_of(field):
    """"string", or the last component of a message's name."""
    return field.type_name.rpartition(".")[2] if field.type_name else TYPE_NAMES[field.type]


def shape(field):
    return (field.number, FieldProto.Label.Name(field.label), type_of(field))


def expected_type(name, field, theirs):
    """What the type of our field must be, given theirs."""
    want = type_of(theirs)
    exception = SAME_ON_THE_WIRE.get(f"{name}.{field.name}")
    if exception and exception[0] == want:
        return exception[1]
    # An Any of theirs is one of ours that says what it holds.
    if want == "Any" and type_of(field).startswith("Any"):
        return type_of(field)
    return want


class ProtoTest(unittest.TestCase):
    def test_every_field_has_the_number_label_and_type_of_envoys(self):
        for name, ours in our_messages().items():
            self.assertIn(name, THEIRS, "a message of ours that the table does not know")
            self.compare(name, ours, their_message(name))

    def compare(self, name, ours, theirs):
        fields = {field.name: field for field in theirs.field}
        for field in ours.field:
            with self.subTest(f"{name}.{field.name}"):
                if f"{name}.{field.name}" in NOT_PUBLISHED:
                    self.assertEqual(shape(field), NOT_PUBLISHED[f"{name}.{field.name}"])
                    continue
                self.assertIn(field.name, fields)
                their = fields[field.name]
                number, label, _ = shape(their)
                self.assertEqual(shape(field), (number, label, expected_type(name, field, their)))
        self.compare_maps(name, ours, theirs)

    def compare_maps(self, name, ours, theirs):
        entries = {nested.name: nested for nested in theirs.nested_type}
        for nested in ours.nested_type:
            with self.subTest(f"{name}.{nested.name}"):
                their = entries[nested.name]
                self.assertTrue(nested.options.map_entry and their.options.map_entry)
                self.assertEqual([*map(shape, nested.field)], [*map(shape, their.field)])

    def test_every_enum_has_the_numbers_of_envoys(self):
        for ours in our_file().enum_type:
            with self.subTest(ours.name):
                module, full_name = THEIRS[ours.name]
                importlib.import_module(module)
                theirs = descriptor_pool.Default().FindEnumTypeByName(full_name)
                numbers = {value.name: value.number for value in theirs.values}
                self.assertEqual({value.name: value.number for value in ours.value}, numbers)

    def test_wasm_of_network_filters_is_the_same(self):
        full_name = "envoy.extensions.filters.network.wasm.v3.Wasm"
        importlib.import_module("envoy.extensions.filters.network.wasm.v3.wasm_pb2")
        network = descriptor_pb2.DescriptorProto()
        descriptor_pool.Default().FindMessageTypeByName(full_name).CopyToProto(network)
        self.assertEqual(network, their_message("Wasm"))

    def test_every_exception_is_still_one(self):
        for path in NOT_PUBLISHED:
            name, _, field = path.partition(".")
            with self.subTest(path):
                self.assertNotIn(field, [f.name for f in their_message(name).field])
        ours = our_messages()
        for path, types in SAME_ON_THE_WIRE.items():
            name, _, field = path.partition(".")
            with self.subTest(path):
                pair = [
                    type_of(next(f for f in message.field if f.name == field))
                    for message in (their_message(name), ours[name])
                ]
                self.assertEqual(tuple(pair), types)


if __name__ == "__main__":
    unittest.main()
