/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/signals.h - how a verb that serves is told to end: no work is done in a handler.
 */
#ifndef WASMXDS_CLI_SIGNALS_H
#define WASMXDS_CLI_SIGNALS_H

#include <stdbool.h>

/* Blocks SIGINT and SIGTERM for this thread and those that it starts; SIGPIPE is ignored. */
void signals_block(void);

/* Waits for one of them, and says in the log which. */
void signals_wait(void);

/* The same, for at most a second.  Returns whether one came. */
bool signals_wait_second(void);

#endif
