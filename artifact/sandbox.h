/* SPDX-License-Identifier: Apache-2.0 */
/*
 * artifact/sandbox.h - what an extension's VM sees and may do, as Envoy's messages, and as a part
 * of the VM's name.  Pure.
 */
#ifndef WASMXDS_ARTIFACT_SANDBOX_H
#define WASMXDS_ARTIFACT_SANDBOX_H

#include "api/extension.h"
#include "proto/xds.pb-c.h"

/* Returns the environment, which the caller frees; NULL where there is none. */
Wasmxds__Xds__EnvironmentVariables *sandbox_environment(const struct extension *ext);
static inline void auto_environment(Wasmxds__Xds__EnvironmentVariables **m)
{
	if (*m)
		wasmxds__xds__environment_variables__free_unpacked(*m, NULL);
}

/* Returns the capabilities, which the caller frees; NULL where nothing is restricted. */
Wasmxds__Xds__CapabilityRestrictionConfig *sandbox_capabilities(const struct extension *ext);
static inline void auto_capabilities(Wasmxds__Xds__CapabilityRestrictionConfig **m)
{
	if (*m)
		wasmxds__xds__capability_restriction_config__free_unpacked(*m, NULL);
}

/* Returns the vm_id that Envoy is sent, which the caller frees.  Envoy 1.36 and 1.37 let extensions
 * of one vm_id, vm_configuration and module share a VM whatever their environment and capabilities,
 * and keep the VM when these change.  So where there are any, "#" and 16 hex digits of their hash
 * stand behind the extension's own vm_id. */
char *sandbox_vm_id(const struct extension *ext);

#endif
