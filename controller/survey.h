/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/survey.h - asks every xds pod's admin port, now and then, what its proxies run.
 * A pod that does not answer makes nothing zero: what was known stays for six rounds, a minute as a
 * rule, and is then unknown.
 * Threads: one of its own, since names must be looked up; survey_*() from the one that owns it.
 */
#ifndef WASMXDS_CONTROLLER_SURVEY_H
#define WASMXDS_CONTROLLER_SURVEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "controller/proxies.h"

struct survey; /* opaque */

struct survey_options {
	/* "host:port", "http://host:port": each address that a host has is a pod (a headless
	 * service); borrowed for the call */
	char *const *admins;
	size_t n;
	int64_t interval_ms; /* between two rounds, give or take a fifth */
};

/* ERR_INVALID: an address, or too many. */
int survey_check(const struct survey_options *options, struct err *err)
	__attribute__((warn_unused_result));

/* Starts to ask.  Codes as survey_check(); ERR_TRANSIENT: no thread. */
struct survey *survey_start(const struct survey_options *options, struct err *err);

/* Ends within a few seconds; NULL is fine. */
void survey_stop(struct survey *s);

/* Polls readable when there is something to take; borrowed. */
int survey_fd(const struct survey *s);

/* Takes the newest result, which the caller frees; NULL: there is none since the last one. */
struct proxies *survey_take(struct survey *s);

#endif
