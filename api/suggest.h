/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/suggest.h - the known name that somebody most likely meant.  Pure.
 */
#ifndef WASMXDS_API_SUGGEST_H
#define WASMXDS_API_SUGGEST_H

/* Returns the one of the known names (NULL ends them) that word is a slip of (case, "_" and "-", a
 * few letters, or cut short), or NULL where none is near. */
const char *suggest_nearest(const char *word, const char *const known[]);

#endif
