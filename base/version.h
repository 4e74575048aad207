/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/version.h - the program's version, as --version, user agents and metrics give it.
 */
#ifndef WASMXDS_BASE_VERSION_H
#define WASMXDS_BASE_VERSION_H

#define WASMXDS_VERSION "0.1.0"

#endif
