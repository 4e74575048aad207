/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/pin.h - whose spec.image.sha256 it is: the user's, which is never changed, or what the
 * webhook set for another image, which must not outlive that.
 * Pure.
 */
#ifndef WASMXDS_WEBHOOK_PIN_H
#define WASMXDS_WEBHOOK_PIN_H

#include <stdbool.h>

#include "api/node.h"

/* Returns whether object, an update of old, names another image and still has the sha256 that the
 * webhook set for the old one: what the user applied, as the API server keeps it (kubectl's
 * annotation, or who manages which field), names the image and no sha256.  In doubt it is the
 * user's. */
bool pin_is_stale(const struct node *object, const struct node *old);

#endif
