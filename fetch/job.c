/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"

struct fetch_job *fetch_job_new(
	enum fetch_source source, const char *uri, const struct digest *want, int fd)
{
	struct fetch_job *job = xcalloc(1, sizeof(*job));

	job->uri = xstrdup(uri);
	job->request.source = source;
	job->request.uri = job->uri;
	if (want)
		job->request.want = *want;
	job->fd = fd;
	return job;
}

void fetch_job_set_docker_config(struct fetch_job *job, const char *text)
{
	free(job->docker_config);
	job->docker_config = xstrdup(text);
	job->request.docker_config = job->docker_config;
}

void fetch_job_set_known(struct fetch_job *job, const char *revision)
{
	free(job->known);
	job->known = xstrdup(revision);
	job->request.known = job->known;
}

void fetch_job_free(void *job)
{
	struct fetch_job *j = job;

	if (!j)
		return;
	auto_fd(&j->fd);
	free(j->uri);
	if (j->docker_config)
		explicit_bzero(j->docker_config, strlen(j->docker_config));
	free(j->docker_config);
	free(j->known);
	free(j);
}
