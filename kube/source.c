/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/source.h"

void source_wait(struct source *s, struct pollfd *fds, nfds_t n, int64_t timeout_ms)
{
	s->methods->wait(s, fds, n, timeout_ms);
}

int source_step(struct source *s, source_receiver *each, void *arg, struct err *err)
{
	return s->methods->step(s, each, arg, err);
}

bool source_complete(const struct source *s)
{
	return s->methods->complete(s);
}

void source_want(struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	s->methods->want(s, kind, namespace, name);
}

void source_drop(struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	s->methods->drop(s, kind, namespace, name);
}

bool source_knows(
	const struct source *s, enum object_kind kind, const char *namespace, const char *name)
{
	return s->methods->knows(s, kind, namespace, name);
}

void source_close(struct source *s)
{
	if (s)
		s->methods->close(s);
}
