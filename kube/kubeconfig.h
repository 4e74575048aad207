/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/kubeconfig.h - a kubeconfig's current context, as credentials.  Fields that we do not know
 * are passed over, as kubectl does; a way to authenticate that we do not have is refused, by its
 * name.  Pure: reads no file that it names.  Messages show no token and no key.
 */
#ifndef WASMXDS_KUBE_KUBECONFIG_H
#define WASMXDS_KUBE_KUBECONFIG_H

#include <stddef.h>

#include "kube/credentials.h"

/* Reads n bytes of YAML or JSON.  Files that are named stand below folder unless they are absolute.
 * ERR_INVALID names the field. */
int kubeconfig_parse(struct credentials *out, const char *text, size_t n, const char *folder,
	struct err *err) __attribute__((warn_unused_result));

#endif
