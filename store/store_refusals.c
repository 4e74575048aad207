/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "store/ingest.h"
#include "store/layout.h"
#include "store/store.h"

int store_read_refusals(const struct store *st, struct refusals *r, struct err *err)
{
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_REFUSALS_BYTES);
	AUTO(fd) int file = layout_open_file(st->fd, STORE_REFUSALS, err);

	if (file < 0 || io_read(file, &bytes, err) < 0 ||
		refusals_decode(r, buf_text(&bytes), bytes.len, err) < 0)
		return err_wrap(err, "store %s: " STORE_REFUSALS, st->dir);
	return 0;
}

int store_write_refusals(struct store *st, const struct refusals *r, struct err *err)
{
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_REFUSALS_BYTES);

	assert(st->mode == STORE_WRITE);
	if (refusals_encode(r, &bytes, err) < 0 ||
		ingest_publish(st, st->fd, STORE_REFUSALS, &bytes, err) < 0)
		return err_wrap(err, "store %s: " STORE_REFUSALS, st->dir);
	return 0;
}
