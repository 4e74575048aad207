/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/certification.h - where the webhook's certificate comes from, as its flags say: two files, or
 * an authority of its own.
 * Threads: main opens and closes it; the step is the certifier's.
 */
#ifndef WASMXDS_CLI_CERTIFICATION_H
#define WASMXDS_CLI_CERTIFICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/flags.h"
#include "webhook/certifier.h"
#include "webhook/custody.h"
#include "webhook/pair.h"

struct certification_flags {
	char *tls_cert;
	char *tls_key;
	char *secret; /* NULL: the files */
	char *service;
	struct flag_list names;
	int64_t lifetime_ms;
	int64_t ca_lifetime_ms;
	char *configuration;
	char *namespace;
};

#define CERTIFICATION_SERVICE_NAMES 2

struct certification {
	certifier_step *step; /* and its argument, which is the certification's */
	void *arg;
	struct pair pair;
	struct custody custody;
	bool is_own;                                      /* custody is open */
	char *namespace;                                  /* owned */
	const char **names;                               /* owned; borrows the texts */
	char *service_names[CERTIFICATION_SERVICE_NAMES]; /* owned */
};

/* Returns what is wrong with the flags together, or NULL. */
const char *certification_problem(const struct certification_flags *flags);

/* Fills out, which stays where it is and is closed also after a failure; flags, which have no
 * problem, outlive it.  ERR_INVALID, ERR_NOT_FOUND: the API server's address or our credentials. */
int certification_open(struct certification *out, const struct certification_flags *flags,
	const char *kubeconfig, struct err *err) __attribute__((warn_unused_result));
void certification_close(struct certification *c);
static inline void auto_certification(struct certification *c)
{
	certification_close(c);
}

#endif
