/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/subject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/auto.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "cli/fetch_options.h"
#include "fetch/scratch.h"
#include "fetch/task.h"
#include "fetch/url.h"

static const struct scheme {
	const char *prefix;
	enum fetch_source source;
} schemes[] = {
	{"oci://", FETCH_OCI},
	{"s3://", FETCH_S3},
	{"http://", FETCH_HTTP},
	{"https://", FETCH_HTTPS},
};

/* Returns NULL where name is a path. */
static const struct scheme *find_scheme(const char *name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncmp(name, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			return &schemes[i];
	}
	return NULL;
}

static int look(struct subject *s, struct err *err)
{
	size_t n = (size_t)s->fetched.size;

	if (n == 0) { /* cannot be mapped; the parser has words for it */
		(void)!wasm_module_parse(&s->module, (const uint8_t *)"", 0, &s->verdict);
		return 0;
	}

	void *bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE, s->fd, 0);

	if (bytes == MAP_FAILED)
		return err_errno(err, ERR_TRANSIENT, "map %zu bytes", n);
	(void)!wasm_module_parse(&s->module, bytes, n, &s->verdict);
	(void)munmap(bytes, n);
	return 0;
}

static int bring(struct subject *s, const struct fetch_options *options, enum fetch_source source,
	const char *uri, struct err *err)
{
	const struct fetch_request request = {.source = source, .uri = uri};
	struct fetch_task task = {.options = options, .request = &request};

	s->fd = scratch_open(options->temp_dir, err);
	if (s->fd < 0 || fetch_bytes(&s->fetched, &task, s->fd, err) < 0)
		return -1;
	return look(s, err);
}

static int open_path(
	struct subject *s, const struct fetch_options *options, const char *path, struct err *err)
{
	struct fetch_options local = *options;
	AUTO(free) char *real = realpath(path, NULL);

	if (!real)
		return err_errno(err, err_code_from_errno(errno), "%s", quote(path).text);
	s->label = xstrdup(path);
	local.local_root = "/";
	return bring(s, &local, FETCH_LOCAL_FS, real, err);
}

int subject_open(
	struct subject *out, const struct fetch_options *options, const char *name, struct err *err)
{
	const struct scheme *scheme = find_scheme(name);
	struct fetch_options remote = *options;

	*out = (struct subject){.fd = -1};
	if (!scheme && strstr(name, "://"))
		return err_set(err, ERR_INVALID,
			"%s: must be a path, or begin with oci://, s3://, http:// or https://",
			quote(name).text);
	if (!scheme)
		return open_path(out, options, name, err);
	out->label = scheme->source == FETCH_HTTP || scheme->source == FETCH_HTTPS ? url_label(name)
										   : xstrdup(name);
	const char *uri = name + strlen(scheme->prefix);
	if (scheme->source != FETCH_S3)
		fetch_options_allow_named(&remote, uri);
	return bring(out, &remote, scheme->source, uri, err);
}

void subject_close(struct subject *subject)
{
	if (subject->fd >= 0)
		(void)close(subject->fd);
	free(subject->label);
	wasm_module_clear(&subject->module);
	*subject = (struct subject){.fd = -1};
}
