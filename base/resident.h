/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/resident.h - gives back the memory that only the start needed: a process that begins reads
 * the tables of every library that it is linked with, and then never again.
 */
#ifndef WASMXDS_BASE_RESIDENT_H
#define WASMXDS_BASE_RESIDENT_H

#include <stddef.h>

/* Lets go of what is free of the heap, and of the pages of programs and libraries that are as they
 * are on the disk; those that are used come back by themselves, out of the page cache, at the cost
 * of a fault each.  Returns how many bytes were let go of; 0 also where /proc is not to be had. */
size_t resident_trim(void);

#endif
