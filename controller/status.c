/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

const char *status_reason_name(enum status_reason reason)
{
	static const char *const names[] = {
		[STATUS_UNKNOWN] = "Unknown",
		[STATUS_PROGRAMMED] = "Programmed",
		[STATUS_FETCHING] = "Fetching",
		[STATUS_FETCH_FAILED] = "FetchFailed",
		[STATUS_NOT_FOUND] = "NotFound",
		[STATUS_DENIED] = "Denied",
		[STATUS_DIGEST_MISMATCH] = "DigestMismatch",
		[STATUS_INVALID_MODULE] = "InvalidModule",
		[STATUS_REFERENCE_NOT_FOUND] = "ReferenceNotFound",
		[STATUS_REFERENCE_DENIED] = "ReferenceDenied",
		[STATUS_INVALID_CONFIGURATION] = "InvalidConfiguration",
		[STATUS_STORAGE_FULL] = "StorageFull",
		[STATUS_STORAGE_FAILED] = "StorageFailed",
		[STATUS_INVALID] = "Invalid",
		[STATUS_SUSPENDED] = "Suspended",
		[STATUS_REVOKED] = "Revoked",
		[STATUS_PROXY_REFUSED] = "ProxyRefused",
		[STATUS_ACCEPTED] = "Accepted",
		[STATUS_RESOLVED] = "Resolved",
		[STATUS_FETCHED] = "Fetched",
		[STATUS_PENDING] = "Pending",
		[STATUS_STALE] = "Stale",
	};

	return names[reason];
}

bool status_reason_parse(enum status_reason *out, const char *name)
{
	for (int i = 0; i < STATUS_REASONS; i++) {
		if (strcmp(status_reason_name((enum status_reason)i), name) != 0)
			continue;
		*out = (enum status_reason)i;
		return true;
	}
	return false;
}

enum status_reason status_of_fetch(const struct err *err)
{
	switch (err->code) {
	case ERR_INVALID:
		return STATUS_INVALID_MODULE;
	case ERR_NOT_FOUND:
		return STATUS_NOT_FOUND;
	case ERR_DENIED:
		return STATUS_DENIED;
	case ERR_UNVERIFIED:
		return STATUS_DIGEST_MISMATCH;
	case ERR_FULL:
		return STATUS_STORAGE_FULL;
	case ERR_NONE:
	case ERR_CONFLICT:
	case ERR_TRANSIENT:
	default:
		return STATUS_FETCH_FAILED;
	}
}

enum status_reason status_of_store(const struct err *err)
{
	return err->code == ERR_FULL ? STATUS_STORAGE_FULL : STATUS_STORAGE_FAILED;
}

enum status_reason status_of_config(const struct err *err)
{
	if (err->code == ERR_NOT_FOUND)
		return STATUS_REFERENCE_NOT_FOUND;
	return err->code == ERR_DENIED ? STATUS_REFERENCE_DENIED : STATUS_INVALID_CONFIGURATION;
}

const char *status_message(const struct status *status)
{
	return status->message ? status->message : "";
}

void status_clear(struct status *status)
{
	free(status->message);
	*status = (struct status){.reason = STATUS_UNKNOWN};
}

bool status_set(struct status *status, enum status_reason reason, const char *message)
{
	if (status->reason == reason && strcmp(status_message(status), message) == 0)
		return false;
	status_clear(status);
	status->reason = reason;
	status->message = message[0] ? xstrdup(message) : NULL;
	return true;
}
