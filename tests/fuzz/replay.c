/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/replay.c - a fuzz target's corpus as a regression test, without libFuzzer.
 * Usage: fuzz_x [-v] FILE|FOLDER...  A finding ends the process, as a fuzzer's would; -v names each
 * input first, so that the last name is the culprit's.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define INPUT_BYTES (16 * LIMIT_MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct replay {
	bool verbose;
	unsigned passed;
};

static int replay_file(struct replay *r, const char *path, struct err *err)
{
	AUTO(buf) struct buf bytes = BUF_INIT(INPUT_BYTES);

	if (io_read_file(AT_FDCWD, path, &bytes, err) < 0)
		return -1;
	if (r->verbose)
		(void)fprintf(stderr, "%s\n", path);

	/* Exactly as long as the input, so that a sanitizer sees a read behind its end. */
	AUTO(free) uint8_t *exact = xmalloc(bytes.len);

	memcpy(exact, buf_text(&bytes), bytes.len);
	(void)LLVMFuzzerTestOneInput(exact, bytes.len);
	r->passed++;
	return 0;
}

static bool is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int replay_folder(struct replay *r, const char *folder, struct err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, NULL, alphasort);
	int rc = 0;

	if (n < 0)
		return err_errno(err, ERR_NOT_FOUND, "%s", folder);
	for (int i = 0; i < n; i++) {
		AUTO(free) char *path = xasprintf("%s/%s", folder, entries[i]->d_name);

		if (rc == 0 && is_regular(path))
			rc = replay_file(r, path, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static int replay_path(struct replay *r, const char *path, struct err *err)
{
	return is_regular(path) ? replay_file(r, path, err) : replay_folder(r, path, err);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *target = slash ? slash + 1 : argv[0];
	struct replay r = {.passed = 0};
	struct err err;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0) {
			r.verbose = true;
		} else if (replay_path(&r, argv[i], &err) < 0) {
			(void)fprintf(stderr, "replay %s: %s\n", target, err.msg);
			return 1;
		}
	}
	printf("replay %s: %u passed, 0 failed\n", target, r.passed);
	return r.passed == 0;
}
