/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/yaml_scalar.h - what a plain YAML scalar means to kubectl, which reads it by YAML 1.1 and
 * Go's numbers: no base 60, and dates are text.  Pure.
 */
#ifndef WASMXDS_API_YAML_SCALAR_H
#define WASMXDS_API_YAML_SCALAR_H

#include "api/node.h"

/* Returns NODE_NULL, NODE_BOOL, NODE_NUMBER or NODE_TEXT. */
enum node_kind yaml_scalar_kind(const char *text);

#endif
