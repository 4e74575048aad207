/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifests.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/directory.h"

/* A visit under way. */
struct visit {
	void (*each)(void *arg, const char *file, const struct buf *text);
	void *arg;
	bool unreadable;
};

static void unreadable(struct visit *v, const struct err *err)
{
	(void)fprintf(stderr, "wasmxds: %s\n", err->msg);
	v->unreadable = true;
}

static void visit_file(struct visit *v, const char *file)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MANIFEST_BYTES);
	struct err err;
	bool is_stdin = strcmp(file, "-") == 0;

	if ((is_stdin ? io_read(STDIN_FILENO, &text, &err)
		      : io_read_file(AT_FDCWD, file, &text, &err)) < 0)
		unreadable(v, &err);
	else
		v->each(v->arg, file, &text);
}

static int only_manifests(const struct dirent *entry)
{
	return directory_is_manifest(entry->d_name);
}

static void visit_folder(struct visit *v, const char *dir)
{
	struct dirent **names = NULL;
	struct err err;
	int n = scandir(dir, &names, only_manifests, alphasort);

	if (n < 0) {
		(void)err_errno(&err, ERR_TRANSIENT, "%s", dir);
		unreadable(v, &err);
		return;
	}
	for (int i = 0; i < n; i++) {
		AUTO(free) char *path = xasprintf("%s/%s", dir, names[i]->d_name);

		visit_file(v, path);
		free(names[i]);
	}
	free(names);
}

bool manifests_is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool manifests_visit(char **paths, int n,
	void (*each)(void *arg, const char *file, const struct buf *text), void *arg)
{
	struct visit v = {.each = each, .arg = arg};

	for (int i = 0; i < n; i++) {
		if (manifests_is_folder(paths[i]))
			visit_folder(&v, paths[i]);
		else
			visit_file(&v, paths[i]);
	}
	return !v.unreadable;
}
