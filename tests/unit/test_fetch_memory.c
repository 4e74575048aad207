/* SPDX-License-Identifier: Apache-2.0 */
/* What fetching the largest module costs, in a process of its own. */
#include "fetch/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/scratch.h"
#include "fetch/task.h"
#include "tests/unit/build_tar.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define MOST_KIB (32L * 1024)
#define CHUNK_BYTES (64 * LIMIT_KIB)

/* The module is the fixture's, with a custom section that fills it up. */
#define SECTION_HEAD 8 /* id, size in five bytes, the name's length, the name */
#define FILL_BYTES (LIMIT_MODULE_BYTES - fixture_module_size - SECTION_HEAD)

static void section_head(uint8_t *out)
{
	uint64_t size = FILL_BYTES + 2;

	out[0] = 0;
	for (int i = 0; i < 5; i++)
		out[1 + i] = (uint8_t)((size >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
	out[6] = 1;
	out[7] = 'x';
}

static void send_module(void *arg, unsigned nth, const char *request, int fd)
{
	static const uint8_t fill[CHUNK_BYTES];
	uint8_t head[SECTION_HEAD];

	(void)arg;
	(void)nth;
	(void)request;
	section_head(head);
	script_print(fd, "HTTP/1.1 200 OK\r\nContent-Length: %lu\r\n\r\n", LIMIT_MODULE_BYTES);
	script_send(fd, fixture_module, fixture_module_size);
	script_send(fd, head, sizeof(head));
	for (size_t left = FILL_BYTES; left > 0;) {
		size_t n = left < sizeof(fill) ? left : sizeof(fill);

		script_send(fd, fill, n);
		left -= n;
	}
}

static void send_gzip(void *arg, unsigned nth, const char *request, int fd)
{
	const struct buf *gzip = arg;

	(void)nth;
	(void)request;
	script_print(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", gzip->len);
	script_send(fd, gzip->data, gzip->len);
}

/* Returns the most memory that this process ever held, in KiB. */
static long peak_kib(void)
{
	AUTO(file) FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			return strtol(line + 6, NULL, 10);
	}
	return -1;
}

/* Fetches in this process, which ends: 0 where the module came within its memory. */
static int fetch_alone(unsigned port, uint64_t size)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/x", port);
	AUTO(fd) int fd = -1;
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_HTTP, .uri = uri};
	struct fetch_task task = {.options = &options, .request = &request};
	struct fetch_result result = {0};
	struct err err = {0};

	options.max_bytes = LIMIT_MODULE_BYTES;
	options.temp_dir = dir;
	fd = scratch_open(dir, &err);
	long before = peak_kib();
	if (fd < 0 || fetch_run(&result, &task, fd, &err) < 0 || result.size != size) {
		printf("\n  %s\n", err.msg);
		return 1;
	}
	long grown = peak_kib() - before;
	if (grown > MOST_KIB)
		printf("\n  %ld KiB\n", grown);
	return grown > MOST_KIB ? 2 : 0;
}

static void assert_modest(script_answer *answer, void *arg, uint64_t size)
{
	AUTO(script_server) struct script_server *s = script_server_start(answer, arg);
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		int code = fetch_alone(script_server_port(s), size);

		(void)fflush(stdout);
		_exit(code);
	}
	CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_fetch_run__takes_little_memory_for_a_large_module(void)
{
	assert_modest(send_module, NULL, LIMIT_MODULE_BYTES);
}

static void test_fetch_run__takes_little_memory_to_unpack_one(void)
{
	AUTO(buf) struct buf module = BUF_INIT(LIMIT_MODULE_BYTES);
	AUTO(buf) struct buf gzip = BUF_INIT(LIMIT_MODULE_BYTES);
	AUTO(free) uint8_t *fill = xcalloc(1, FILL_BYTES);
	uint8_t head[SECTION_HEAD];
	struct err err = {0};

	section_head(head);
	CU_ASSERT_EQUAL_FATAL(buf_append(&module, fixture_module, fixture_module_size, &err), 0);
	CU_ASSERT_EQUAL_FATAL(buf_append(&module, head, sizeof(head), &err), 0);
	CU_ASSERT_EQUAL_FATAL(buf_append(&module, fill, FILL_BYTES, &err), 0);
	gzip_add(&gzip, module.data, module.len);
	buf_clear(&module);
	assert_modest(send_gzip, &gzip, LIMIT_MODULE_BYTES);
}

TEST_MAIN("fetch_memory", TEST(test_fetch_run__takes_little_memory_for_a_large_module),
	TEST(test_fetch_run__takes_little_memory_to_unpack_one))
