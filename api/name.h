/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/name.h - the names that Kubernetes takes.  Messages read well behind a field's name.  Pure.
 */
#ifndef WASMXDS_API_NAME_H
#define WASMXDS_API_NAME_H

#include "base/err.h"

/* ERR_INVALID unless name is an RFC 1123 subdomain: metadata.name of most objects. */
int name_check_subdomain(const char *name, struct err *err) __attribute__((warn_unused_result));

/* ERR_INVALID unless name is an RFC 1123 label: a namespace. */
int name_check_label(const char *name, struct err *err) __attribute__((warn_unused_result));

/* ERR_INVALID unless name is a key of a Secret or ConfigMap. */
int name_check_key(const char *name, struct err *err) __attribute__((warn_unused_result));

#endif
