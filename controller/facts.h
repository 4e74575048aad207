/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/facts.h - a target in the words of controller/conditions.h.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_FACTS_H
#define WASMXDS_CONTROLLER_FACTS_H

#include "controller/conditions.h"
#include "controller/target.h"

/* Fills all but proxies, which becomes not known.  Texts are borrowed from t. */
void facts_of(struct conditions_facts *out, const struct target *t);

#endif
