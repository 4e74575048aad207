/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define BASE64_BLOCK 3072 /* bytes in a go, a multiple of 3 */

/* One object under way. */
struct object {
	struct buf *out;
	bool empty; /* no field is written yet */
};

static int put(struct buf *out, const char *text, struct err *err)
{
	return buf_append(out, text, strlen(text), err);
}

int proto_json_text(struct buf *out, const char *text, size_t n, struct err *err)
{
	size_t from = 0;

	if (put(out, "\"", err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		if (buf_append(out, text + from, i - from, err) < 0 ||
			buf_printf(out, err, "\\u%04x", c) < 0)
			return -1;
		from = i + 1;
	}
	if (buf_append(out, text + from, n - from, err) < 0)
		return -1;
	return put(out, "\"", err);
}

static void encode_block(char *to, const uint8_t *bytes, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	const uint32_t padding = 64;

	for (size_t i = 0; i < n; i += 3, to += 4) {
		uint32_t b1 = i + 1 < n ? bytes[i + 1] : 0;
		uint32_t b2 = i + 2 < n ? bytes[i + 2] : 0;
		uint32_t group = (uint32_t)bytes[i] << 16 | b1 << 8 | b2;

		to[0] = digits[group >> 18];
		to[1] = digits[group >> 12 & 63];
		to[2] = digits[i + 1 < n ? group >> 6 & 63 : padding];
		to[3] = digits[i + 2 < n ? group & 63 : padding];
	}
}

int proto_json_base64(struct buf *out, const uint8_t *bytes, size_t n, struct err *err)
{
	char block[BASE64_BLOCK / 3 * 4];

	if (put(out, "\"", err) < 0)
		return -1;
	for (size_t at = 0; at < n; at += BASE64_BLOCK) {
		size_t part = n - at < BASE64_BLOCK ? n - at : BASE64_BLOCK;

		encode_block(block, bytes + at, part);
		if (buf_append(out, block, (part + 2) / 3 * 4, err) < 0)
			return -1;
	}
	return put(out, "\"", err);
}

static bool is_named(const ProtobufCMessage *m, const char *name)
{
	return strcmp(m->descriptor->short_name, name) == 0;
}

static const void *member(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	return (const char *)m + field->offset;
}

static const void *named_member(const ProtobufCMessage *m, const char *name)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	assert(field);
	return member(m, field);
}

/* An Any of ours, whose value is a message: {"@type": …, its fields}. */
static int put_any(struct buf *out, const ProtobufCMessage *any, struct err *err)
{
	const char *type_url = *(char *const *)named_member(any, "type_url");
	const ProtobufCMessage *value = *(ProtobufCMessage *const *)named_member(any, "value");

	return proto_json(out, type_url, value, err);
}

static int put_duration(struct buf *out, const ProtobufCMessage *m, struct err *err)
{
	int64_t seconds = *(const int64_t *)named_member(m, "seconds");
	int32_t nanos = *(const int32_t *)named_member(m, "nanos");

	return buf_printf(out, err, "\"%" PRId64 ".%09" PRId32 "s\"", seconds, nanos);
}

static int put_message(struct buf *out, const ProtobufCMessage *m, struct err *err)
{
	if (strncmp(m->descriptor->short_name, "Any", 3) == 0)
		return put_any(out, m, err);
	if (is_named(m, "Duration"))
		return put_duration(out, m, err);
	if (is_named(m, "BoolValue"))
		return put(out,
			*(const protobuf_c_boolean *)named_member(m, "value") ? "true" : "false",
			err);
	return proto_json(out, NULL, m, err);
}

static int put_enum(
	struct buf *out, const ProtobufCFieldDescriptor *field, int value, struct err *err)
{
	const ProtobufCEnumValue *known =
		protobuf_c_enum_descriptor_get_value(field->descriptor, value);

	return known ? proto_json_text(out, known->name, strlen(known->name), err)
		     : buf_printf(out, err, "%d", value);
}

static int put_value(
	struct buf *out, const ProtobufCFieldDescriptor *field, const void *value, struct err *err)
{
	const ProtobufCBinaryData *bytes = value;
	const char *text;

	/* the types that our messages have; proto/xds.proto is the list */
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_STRING:
		text = *(char *const *)value;
		return proto_json_text(out, text, strlen(text), err);
	case PROTOBUF_C_TYPE_BYTES:
		return proto_json_base64(out, bytes->data, bytes->len, err);
	case PROTOBUF_C_TYPE_BOOL:
		return put(out, *(const protobuf_c_boolean *)value ? "true" : "false", err);
	case PROTOBUF_C_TYPE_ENUM:
		return put_enum(out, field, *(const int *)value, err);
	case PROTOBUF_C_TYPE_MESSAGE:
		return put_message(out, *(ProtobufCMessage *const *)value, err);
	case PROTOBUF_C_TYPE_INT32:
		return buf_printf(out, err, "%" PRId32, *(const int32_t *)value);
	case PROTOBUF_C_TYPE_UINT32:
		return buf_printf(out, err, "%" PRIu32, *(const uint32_t *)value);
	case PROTOBUF_C_TYPE_INT64:
		return buf_printf(out, err, "\"%" PRId64 "\"", *(const int64_t *)value);
	default:
		return err_set(
			err, ERR_INVALID, "field %s has a type with no JSON form", field->name);
	}
}

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(int);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		return sizeof(int32_t);
	case PROTOBUF_C_TYPE_INT64:
		return sizeof(int64_t);
	default:
		return sizeof(void *);
	}
}

static int begin_field(struct object *o, const char *name, struct err *err)
{
	if (put(o->out, o->empty ? "" : ",", err) < 0 ||
		proto_json_text(o->out, name, strlen(name), err) < 0)
		return -1;
	o->empty = false;
	return put(o->out, ":", err);
}

/* A map is a repeated entry of key and value, and reads as an object. */
static bool is_map(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;

	return field->type == PROTOBUF_C_TYPE_MESSAGE && entry->n_fields == 2 &&
	       strcmp(entry->fields[0].name, "key") == 0 &&
	       strcmp(entry->fields[1].name, "value") == 0;
}

static int put_entry(struct object *map, const ProtobufCMessage *entry, struct err *err)
{
	const ProtobufCFieldDescriptor *value = &entry->descriptor->fields[1];
	const char *key = *(char *const *)member(entry, &entry->descriptor->fields[0]);

	if (begin_field(map, key, err) < 0)
		return -1;
	return put_value(map->out, value, member(entry, value), err);
}

static int put_repeated(struct buf *out, const ProtobufCMessage *m,
	const ProtobufCFieldDescriptor *field, struct err *err)
{
	size_t n = *(const size_t *)(const void *)((const char *)m + field->quantifier_offset);
	const char *items = *(char *const *)member(m, field);
	struct object map = {.out = out, .empty = true};
	bool as_map = is_map(field);

	if (put(out, as_map ? "{" : "[", err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const void *item = items + i * size_of(field);

		if (as_map) {
			if (put_entry(&map, *(ProtobufCMessage *const *)item, err) < 0)
				return -1;
			continue;
		}
		if (put(out, i > 0 ? "," : "", err) < 0 || put_value(out, field, item, err) < 0)
			return -1;
	}
	return put(out, as_map ? "}" : "]", err);
}

/* proto3: a field that has its default value is not there. */
static bool is_default(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	const void *value = member(m, field);

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(const void *)((const char *)m +
						       field->quantifier_offset) == 0;
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return !*(char *const *)value || **(char *const *)value == '\0';
	case PROTOBUF_C_TYPE_MESSAGE:
		return !*(ProtobufCMessage *const *)value;
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)value)->len == 0;
	case PROTOBUF_C_TYPE_INT64:
		return *(const int64_t *)value == 0;
	default:
		return *(const int32_t *)value == 0;
	}
}

/* {"@type": "…StringValue", "value": …}: the bytes of ours are text. */
static int put_wrapped_text(struct object *o, const ProtobufCMessage *m, struct err *err)
{
	const ProtobufCBinaryData *text = named_member(m, "value");

	if (begin_field(o, "value", err) < 0 ||
		proto_json_text(o->out, (const char *)text->data, text->len, err) < 0)
		return -1;
	return put(o->out, "}", err);
}

int proto_json(
	struct buf *out, const char *type_url, const ProtobufCMessage *message, struct err *err)
{
	struct object o = {.out = out, .empty = true};

	if (put(out, "{", err) < 0)
		return -1;
	if (type_url && (begin_field(&o, "@type", err) < 0 ||
				proto_json_text(out, type_url, strlen(type_url), err) < 0))
		return -1;
	if (is_named(message, "StringValue"))
		return put_wrapped_text(&o, message, err);
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

		if (is_default(message, field))
			continue;
		if (begin_field(&o, field->name, err) < 0)
			return -1;
		if ((field->label == PROTOBUF_C_LABEL_REPEATED
				    ? put_repeated(out, message, field, err)
				    : put_value(out, field, member(message, field), err)) < 0)
			return -1;
	}
	return put(out, "}", err);
}
