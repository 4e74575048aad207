/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/revision.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "fetch/http.h"
#include "fetch/oci.h"
#include "fetch/s3.h"

static bool is_printable(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c < ' ' || *c > '~')
			return false;
	}
	return true;
}

void revision_of_reply(struct revision *out, const struct exchange_reply *reply)
{
	static const char *const names[] = {"ETag", "Last-Modified"};

	out->text[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = exchange_reply_header(reply, names[i], 0);

		if (!value || !value[0] || strlen(value) > LIMIT_REVISION_BYTES ||
			!is_printable(value))
			continue;
		(void)snprintf(out->text, sizeof(out->text), "%s", value);
		return;
	}
}

int revision_ask(struct revision *out, struct fetch_task *task, struct err *err)
{
	switch (task->request->source) {
	case FETCH_HTTP:
	case FETCH_HTTPS:
		return http_revision(out, task, err);
	case FETCH_S3:
		return s3_revision(out, task, err);
	case FETCH_OCI:
		return oci_revision(out, task, err);
	case FETCH_LOCAL_FS:
		break;
	}
	out->text[0] = '\0';
	return 0;
}

int revision_is_known(bool *out, struct fetch_task *task, struct err *err)
{
	const char *known = task->request->known;
	struct revision now = {.text = ""};
	struct err failure = {.code = ERR_NONE};

	*out = false;
	if (!known || !known[0])
		return 0;
	if (revision_ask(&now, task, &failure) == 0)
		*out = strcmp(now.text, known) == 0;
	if (failure.code != ERR_TRANSIENT)
		return 0;
	*err = failure;
	return -1;
}
