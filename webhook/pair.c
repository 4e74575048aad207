/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair.h"

#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"

#define LOOK_MS 1000

static inline void auto_secret(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}

static int load(const struct pair *p, struct identity *id, struct err *err)
{
	AUTO(buf) struct buf cert = BUF_INIT(LIMIT_PEM_BYTES);
	AUTO(secret) struct buf key = BUF_INIT(LIMIT_PEM_BYTES);

	if (io_read_file(AT_FDCWD, p->cert, &cert, err) < 0 ||
		io_read_file(AT_FDCWD, p->key, &key, err) < 0)
		return -1;
	if (identity_set(id, buf_text(&cert), buf_text(&key), err) < 0)
		return err_wrap(err, "%s and %s", p->cert, p->key);
	return 0;
}

int64_t pair_step(void *arg, struct identity *id, struct err *err)
{
	struct pair *p = arg;
	bool is_changed = stamp_take(&p->cert_stamp, p->cert);

	is_changed = stamp_take(&p->key_stamp, p->key) || is_changed;
	if (!is_changed && p->is_set)
		return LOOK_MS;
	/* One file may have been written and not yet the other: what is in force stays. */
	p->is_set = false;
	if (load(p, id, err) < 0)
		return -1;
	p->is_set = true;
	log_info("certificate in force", LOG_STR("file", p->cert),
		LOG_INT("expires", identity_expires(id)));
	return LOOK_MS;
}
