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

/* Returns whether a sha256 goes with what object asks for: not where its image is tracked. */
bool pin_goes_with(const struct node *object);

/* Returns whether object, an update of old, names another image, or tracks the same one from now
 * on, and still has the sha256 that the webhook set for the old one: what the user applied, as the
 * API server keeps it (kubectl's annotation, or who manages which field), names the image and no
 * sha256.  In doubt it is the user's. */
bool pin_is_stale(const struct node *object, const struct node *old);

#endif
