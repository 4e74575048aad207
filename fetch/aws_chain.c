/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_chain.h"

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws_file.h"
#include "fetch/aws_ini.h"
#include "fetch/aws_remote.h"

typedef int find_credentials(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err);

static const struct place {
	const char *name;
	find_credentials *find;
} places[] = {
	{"the environment", aws_chain_environment},
	{"a web identity", aws_web_identity},
	{"the shared files", aws_chain_files},
	{"the container's agent", aws_container},
	{"instance metadata", aws_metadata},
};

int aws_chain_environment(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
{
	(void)task;
	if (!environment->access_key_id && !environment->secret_access_key)
		return 0;
	if (!environment->access_key_id || !environment->secret_access_key)
		return err_set(err, ERR_INVALID,
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: must both be set, or "
			"neither");
	return aws_credentials_set(out, environment->access_key_id, environment->secret_access_key,
		environment->session_token, err);
}

/* Adds what a shared file says of the profile; one that is not there says nothing. */
static int read_file(struct aws_profile *profile, const struct aws_environment *environment,
	enum aws_ini_kind kind, const char *name, struct err *err)
{
	bool credentials = kind == AWS_INI_CREDENTIALS;
	const char *path = credentials ? environment->credentials_file : environment->config_file;
	AUTO(aws_secret_buf) struct buf text = BUF_INIT(LIMIT_AWS_FILE_BYTES);
	AUTO(free) char *usual = NULL;
	struct err missing;

	if (!path && !environment->home)
		return 0;
	if (!path) {
		usual = xasprintf(
			"%s/.aws/%s", environment->home, credentials ? "credentials" : "config");
		path = usual;
	}
	if (aws_file_read(&text, path, &missing) < 0) {
		if (missing.code == ERR_NOT_FOUND)
			return 0;
		*err = missing;
		return -1;
	}
	if (aws_ini_read(profile, buf_text(&text), text.len, kind, name, err) < 0)
		return err_wrap(err, "%s", path);
	return 0;
}

int aws_chain_files(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
{
	AUTO(aws_profile) struct aws_profile profile = {0};
	const char *name = environment->profile ? environment->profile : "default";

	(void)task;
	if (read_file(&profile, environment, AWS_INI_CREDENTIALS, name, err) < 0 ||
		read_file(&profile, environment, AWS_INI_CONFIG, name, err) < 0)
		return -1;
	if (!profile.found && environment->profile)
		return err_set(err, ERR_INVALID, "AWS_PROFILE: there is no profile %s", name);
	if (profile.unsupported)
		return err_set(err, ERR_INVALID,
			"profile %s has %s, which is not supported: it must have "
			"aws_access_key_id and aws_secret_access_key",
			name, profile.unsupported);
	if (!profile.key_id && !profile.secret)
		return 0;
	if (!profile.key_id || !profile.secret)
		return err_set(err, ERR_INVALID,
			"profile %s: must have both aws_access_key_id and aws_secret_access_key",
			name);
	return aws_credentials_set(out, profile.key_id, profile.secret, profile.session_token, err);
}

int aws_chain(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i].find(out, task, environment, err) < 0)
			return err_wrap(err, "AWS credentials from %s", places[i].name);
		if (aws_credentials_are_set(out))
			return 0;
	}
	return 0;
}
