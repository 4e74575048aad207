/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/keys.h - the keys of a map in an order that does not change from run to run.  Pure.
 */
#ifndef WASMXDS_KUBE_KEYS_H
#define WASMXDS_KUBE_KEYS_H

#include <stddef.h>

#include "base/map.h"

/* Returns the m->n keys in the order of strcmp(), or NULL where there are none.  The caller frees
 * the array; the keys are borrowed from the map. */
const char **keys_sorted(const struct map *m);

#endif
