/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_environment.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "fetch/aws_text.h"

#define FIELD(f) offsetof(struct aws_environment, f)

static const struct variable {
	const char *name;
	size_t field;
} variables[] = {
	{"AWS_ACCESS_KEY_ID", FIELD(access_key_id)},
	{"AWS_SECRET_ACCESS_KEY", FIELD(secret_access_key)},
	{"AWS_SESSION_TOKEN", FIELD(session_token)},
	{"HOME", FIELD(home)},
	{"AWS_SHARED_CREDENTIALS_FILE", FIELD(credentials_file)},
	{"AWS_CONFIG_FILE", FIELD(config_file)},
	{"AWS_PROFILE", FIELD(profile)},
	{"AWS_WEB_IDENTITY_TOKEN_FILE", FIELD(web_identity_token_file)},
	{"AWS_ROLE_ARN", FIELD(role_arn)},
	{"AWS_ROLE_SESSION_NAME", FIELD(role_session_name)},
	{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", FIELD(container_relative_uri)},
	{"AWS_CONTAINER_CREDENTIALS_FULL_URI", FIELD(container_full_uri)},
	{"AWS_CONTAINER_AUTHORIZATION_TOKEN", FIELD(container_token)},
	{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", FIELD(container_token_file)},
	{"AWS_EC2_METADATA_DISABLED", FIELD(metadata_disabled)},
	{"AWS_EC2_METADATA_SERVICE_ENDPOINT", FIELD(metadata_endpoint)},
	{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", FIELD(metadata_endpoint_mode)},
	{"AWS_REGION", FIELD(region)},
	{"AWS_DEFAULT_REGION", FIELD(default_region)},
	{"AWS_ENDPOINT_URL", FIELD(endpoint)},
	{"AWS_ENDPOINT_URL_S3", FIELD(endpoint_s3)},
	{"AWS_ENDPOINT_URL_STS", FIELD(endpoint_sts)},
	{"AWS_ENDPOINT_URL_ECR", FIELD(endpoint_ecr)},
};

static char **field_of(struct aws_environment *environment, const struct variable *v)
{
	return (char **)(void *)((char *)environment + v->field);
}

void aws_environment_read(struct aws_environment *out, aws_getenv *get)
{
	*out = (struct aws_environment){0};
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = get(variables[i].name);

		if (value && value[0])
			*field_of(out, &variables[i]) = xstrdup(value);
	}
}

void aws_environment_clear(struct aws_environment *environment)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		aws_secret_free(*field_of(environment, &variables[i]));
	*environment = (struct aws_environment){0};
}

const char *aws_getenv_process(const char *name)
{
	return getenv(name); /* NOLINT(concurrency-mt-unsafe): main asks, before other threads */
}
