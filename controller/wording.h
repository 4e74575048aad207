/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/wording.h - messages as the API server shows them.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_WORDING_H
#define WASMXDS_CONTROLLER_WORDING_H

#include <stddef.h>

/* Copies text (NULL: "") into out of cap bytes as valid UTF-8 on one line; a longer one is cut
 * between two characters and ends in "…". */
void wording_clean(char *out, size_t cap, const char *text);

/* Replaces in place what differs from try to try while nothing else does: how long, how often and
 * how many bytes ("after 1003 ms", "tried 3 times"). */
void wording_steady(char *text);

#endif
