/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/keeper.h - keeps what proxies refused in a file, so that a new process does not offer it to
 * them again.  The file is written by a thread of its own, no more often than keeper_tick() is
 * called: a slow disk holds up nobody, and what a crash loses is the last moment's.  Other
 * processes know nothing of it: each has a folder of its own.
 * Threads: keeper_open() and keeper_close() from the one that starts and stops the serving ones,
 * keeper_tick() from a serving one.
 */
#ifndef WASMXDS_XDS_KEEPER_H
#define WASMXDS_XDS_KEEPER_H

#include "base/err.h"
#include "store/refusals.h"

#define KEEPER_FILE "refusals" /* in the folder */

struct keeper; /* opaque */

/* Locks the folder dir, which is there, and adds to refusals, which is borrowed, what its file
 * holds; a file that cannot be used is logged and left out.  ERR_NOT_FOUND, ERR_DENIED,
 * ERR_INVALID: no folder; ERR_CONFLICT: another process has it; ERR_TRANSIENT. */
struct keeper *keeper_open(const char *dir, struct refusals *refusals, struct err *err);

/* Has what is new written soon. */
void keeper_tick(struct keeper *k);

/* Writes what is new, when the serving thread has ended; NULL is fine. */
void keeper_close(struct keeper *k);

#endif
