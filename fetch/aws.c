/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "fetch/aws_chain.h"

#define FIRST_REGION "us-east-1" /* its S3 answers for every bucket, if only with its region */
#define LOOK_AGAIN 60            /* seconds, at files and at what was not there */

struct aws {
	struct aws_environment environment; /* owned; read-only, as all down to path_style */
	struct aws_endpoint s3;             /* owned; origin NULL: by region */
	struct aws_endpoint ecr;            /* owned; origin NULL: by region */
	char *region;                       /* owned */
	bool path_style;

	struct lease credentials;
	pthread_mutex_t lock;
	struct map ecr_leases; /* guarded by lock; by origin; they stay until the end */
	struct map regions;    /* guarded by lock; of buckets */
};

static void *get_credentials(void *arg, struct lease_terms *terms, struct err *err)
{
	struct fetch_task *task = arg;
	const struct aws *aws = task->options->aws;
	AUTO(aws_credentials) struct aws_credentials found = {0};
	time_t now = time(NULL);

	if (aws_chain(&found, task, &aws->environment, err) < 0)
		return NULL;
	if (found.expires)
		*terms = lease_terms_until(found.expires, now);
	else if (!aws->environment.access_key_id)
		terms->fresh_until = now + LOOK_AGAIN;

	struct aws_credentials *kept = xmalloc(sizeof(*kept));

	*kept = found;
	found = (struct aws_credentials){0};
	return kept;
}

static void copy_credentials(void *out, const void *value)
{
	aws_credentials_copy(out, value);
}

static void free_credentials(void *value)
{
	aws_credentials_clear(value);
	free(value);
}

static const struct lease_kind credentials_kind = {
	.get = get_credentials,
	.copy = copy_credentials,
	.free = free_credentials,
};

/* The first that is set of what one service has been told, under its name. */
struct said {
	const char *name;
	const char *text;
};

static const struct said *first_said(const struct said *said)
{
	while (said->name && !said->text)
		said++;
	return said;
}

static int find_endpoint(struct aws_endpoint *out, const struct said *said, struct err *err)
{
	const struct said *first = first_said(said);

	return first->text ? aws_endpoint_parse(out, first->text, first->name, err) : 0;
}

static int find_region(char **out, const struct said *said, struct err *err)
{
	const struct said *first = first_said(said);

	if (!aws_is_region(first->text))
		return err_set(err, ERR_INVALID,
			"%s: must be a region, as in eu-west-1: lower-case letters, digits and "
			"\"-\"",
			first->name);
	*out = xstrdup(first->text);
	return 0;
}

static int set_up(struct aws *aws, const struct aws_settings *settings, struct err *err)
{
	const struct aws_environment *e = &aws->environment;
	const struct said s3[] = {{"--s3-endpoint", settings->s3_endpoint},
		{"AWS_ENDPOINT_URL_S3", e->endpoint_s3}, {"AWS_ENDPOINT_URL", e->endpoint},
		{NULL, NULL}};
	const struct said ecr[] = {{"AWS_ENDPOINT_URL_ECR", e->endpoint_ecr},
		{"AWS_ENDPOINT_URL", e->endpoint}, {NULL, NULL}};
	const struct said region[] = {{"--s3-region", settings->s3_region},
		{"AWS_REGION", e->region}, {"AWS_DEFAULT_REGION", e->default_region},
		{"the first region", FIRST_REGION}, {NULL, NULL}};

	aws->path_style = settings->s3_path_style;
	if (find_endpoint(&aws->s3, s3, err) < 0 || find_endpoint(&aws->ecr, ecr, err) < 0)
		return -1;
	return find_region(&aws->region, region, err);
}

struct aws *aws_open(const struct aws_settings *settings, aws_getenv *get, struct err *err)
{
	AUTO(aws) struct aws *aws = xcalloc(1, sizeof(*aws));

	lease_init(&aws->credentials, &credentials_kind);
	(void)pthread_mutex_init(&aws->lock, NULL);
	aws_environment_read(&aws->environment, get);
	return set_up(aws, settings, err) < 0 ? NULL : STEAL(aws);
}

static void free_lease(void *lease)
{
	lease_clear(lease);
	free(lease);
}

void aws_close(struct aws *aws)
{
	if (!aws)
		return;
	map_clear(&aws->ecr_leases, free_lease);
	map_clear(&aws->regions, free);
	(void)pthread_mutex_destroy(&aws->lock);
	lease_clear(&aws->credentials);
	aws_endpoint_clear(&aws->s3);
	aws_endpoint_clear(&aws->ecr);
	aws_environment_clear(&aws->environment);
	free(aws->region);
	free(aws);
}

int aws_credentials_get(struct aws_credentials *out, struct fetch_task *task, struct err *err)
{
	assert(task->options->aws);
	return lease_get(&task->options->aws->credentials, task, out, err);
}

struct lease *aws_ecr_lease(struct aws *aws, const char *origin, const struct lease_kind *kind)
{
	(void)pthread_mutex_lock(&aws->lock);
	struct lease *lease = map_get(&aws->ecr_leases, origin);

	if (!lease && aws->ecr_leases.n < LIMIT_AWS_ECR_ENDPOINTS) {
		lease = xmalloc(sizeof(*lease));
		lease_init(lease, kind);
		(void)map_put(&aws->ecr_leases, origin, lease);
	}
	(void)pthread_mutex_unlock(&aws->lock);
	return lease;
}

const struct aws_endpoint *aws_ecr_endpoint(const struct aws *aws)
{
	return aws->ecr.origin ? &aws->ecr : NULL;
}

void aws_s3_get(struct aws_s3 *out, struct aws *aws, const char *bucket)
{
	*out = (struct aws_s3){
		.endpoint = aws->s3.origin ? &aws->s3 : NULL,
		.path_style = aws->path_style,
	};
	(void)pthread_mutex_lock(&aws->lock);
	const char *learned = map_get(&aws->regions, bucket);

	out->region = xstrdup(learned ? learned : aws->region);
	(void)pthread_mutex_unlock(&aws->lock);
}

void aws_s3_clear(struct aws_s3 *s3)
{
	free(s3->region);
	s3->region = NULL;
}

void aws_s3_learn(struct aws *aws, const char *bucket, const char *region)
{
	(void)pthread_mutex_lock(&aws->lock);
	if (aws->regions.n < LIMIT_AWS_BUCKETS || map_get(&aws->regions, bucket))
		free(map_put(&aws->regions, bucket, xstrdup(region)));
	(void)pthread_mutex_unlock(&aws->lock);
}
