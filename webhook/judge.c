/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/judge.h"

#include <string.h>

#include "api/decode.h"
#include "api/fields.h"
#include "base/auto.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "fetch/local_fs.h"
#include "webhook/pin.h"

#define URI "spec.image.uri"
#define SHA256 "spec.image.sha256"

static bool is_write(const struct review *r)
{
	return r->is_extension && r->operation != REVIEW_OTHER;
}

/* An update that leaves the spec alone (a finalizer, a label) is nobody's business here, whatever
 * rules have become since. */
static bool keeps_spec(const struct review *r)
{
	return r->operation == REVIEW_UPDATE && r->object && r->old_object &&
	       node_equal(node_get(r->object, "spec"), node_get(r->old_object, "spec"));
}

static bool opts_out(const struct node *object)
{
	const struct node *annotations = node_get(node_get(object, "metadata"), "annotations");
	const char *pin = node_text(node_get(annotations, JUDGE_PIN_ANNOTATION));

	return pin && strcmp(pin, "false") == 0;
}

/* Reads spec.image and nothing else: a mutation comes before the name is known, and what is wrong
 * with the rest is the validation's to say.  Returns NULL where the image is wrong. */
static struct extension *read_image(const struct node *object)
{
	AUTO(problems) struct problems problems = {.items = NULL};
	AUTO(extension) struct extension *ext = xcalloc(1, sizeof(*ext));
	AUTO(fields) struct fields document = {.path = NULL};
	AUTO(fields) struct fields spec = {.path = NULL};

	if (!fields_open(&document, object, &problems) ||
		!fields_enter(&spec, &document, "spec", FIELD_REQUIRED))
		return NULL;
	decode_image(&spec, &ext->image);
	return problems.n == 0 ? STEAL(ext) : NULL;
}

static void refuse(struct judgement *j, enum verdict_status status)
{
	j->verdict.status = status;
	j->wants_module = false;
	j->n_referrals = 0;
}

/* What the API server knows, and the document does not. */
static void check_place(
	struct judgement *j, const struct review *r, const struct judge_policy *policy)
{
	const struct extension *ext = j->extension;
	struct problems *problems = &j->verdict.problems;

	if (r->namespace[0] != '\0' && strcmp(ext->namespace, r->namespace) != 0)
		problems_add(problems, "metadata.namespace", 0,
			"must be %s, as the request's, not %s", quote(r->namespace).text,
			quote(ext->namespace).text);
	if (ext->image.protocol == PROTOCOL_LOCAL_FS && policy->module_root &&
		!local_fs_relative(policy->module_root, ext->image.uri))
		problems_add(problems, URI, 0, "must be below %s, not %s",
			quote(policy->module_root).text, quote(ext->image.uri).text);
	if (problems->n > 0)
		refuse(j, VERDICT_INVALID);
}

static void add_referral(struct judgement *j, const char *field, const char *resource,
	const char *namespace, const char *name)
{
	j->referrals[j->n_referrals++] = (struct referral){
		.field = field, .resource = resource, .namespace = namespace, .name = name};
}

static void add_config(struct judgement *j, const struct config_source *source,
	const char *secret_field, const char *configmap_field)
{
	if (source->kind == CONFIG_SECRET)
		add_referral(j, secret_field, "secrets", source->namespace, source->name);
	if (source->kind == CONFIG_CONFIGMAP)
		add_referral(j, configmap_field, "configmaps", source->namespace, source->name);
}

static void list_referrals(struct judgement *j)
{
	const struct extension *ext = j->extension;

	add_config(j, &ext->plugin_configuration,
		"spec.plugin_configuration.valueFrom.secretKeyRef",
		"spec.plugin_configuration.valueFrom.configMapKeyRef");
	add_config(j, &ext->vm_configuration, "spec.vm_configuration.valueFrom.secretKeyRef",
		"spec.vm_configuration.valueFrom.configMapKeyRef");
	if (ext->image.pull_secret)
		add_referral(j, "spec.image.pull_secret", "secrets", ext->namespace,
			ext->image.pull_secret);
}

void judge_forbidden(struct judgement *j, const struct referral *ref, const char *name)
{
	problems_add(&j->verdict.problems, ref->field, 0,
		"user %s must be allowed to get %s \"%s\" in namespace \"%s\"", quote(name).text,
		ref->resource, ref->name, ref->namespace);
	j->verdict.status = VERDICT_FORBIDDEN;
	j->wants_module = false;
}

/* The same words on both ways, so that the API server shows them once; and nothing that would tell
 * a user what the webhook's network looks like. */
static void warn_unknown(struct judgement *j, enum err_code code)
{
	const char *why = "was not reached in time";

	if (j->extension->image.pull_secret)
		why = "is not asked, as its pull_secret is not read here";
	else if (code == ERR_NOT_FOUND)
		why = "leads to nothing yet";
	else if (code == ERR_DENIED)
		why = "is not open to the webhook";
	else if (code == ERR_FULL)
		why = "leads to more than is looked at here";
	else if (code == ERR_INVALID || code == ERR_UNVERIFIED)
		why = "leads to no module";
	verdict_warn(&j->verdict, URI, "%s; the module is checked and pinned later", why);
}

static void pin(struct judgement *j, const struct finding *found)
{
	if (found->err.code == ERR_NONE) {
		j->verdict.patch = PATCH_PIN;
		j->verdict.pin = found->digest;
		return;
	}
	warn_unknown(j, found->err.code);
	if (j->is_stale)
		j->verdict.patch = PATCH_UNPIN;
}

static void check_found(struct judgement *j, const struct finding *found)
{
	const struct digest *want = &j->extension->image.sha256;
	struct problems *problems = &j->verdict.problems;

	if (digest_is_set(want) && !digest_equal(want, &found->digest))
		problems_add(problems, SHA256, 0, "must be that of the module at uri, %s, not %s",
			found->digest.hex, want->hex);
	if (found->module.code != ERR_NONE)
		problems_add(problems, URI, 0, "leads to no module that Envoy can run: %s",
			found->module.msg);
	if (problems->n > 0)
		refuse(j, VERDICT_INVALID);
	else if (found->debug_bytes > found->size / 2)
		verdict_warn(&j->verdict, URI,
			"leads to a module of which %u %% is debug sections, which Envoy has no "
			"use for",
			(unsigned)(found->debug_bytes * 100 / found->size));
}

/* What is wrong whatever the network does is refused; what may be better in a minute is not. */
static void check(struct judgement *j, const struct finding *found)
{
	enum err_code code = found->err.code;

	if (code == ERR_NONE) {
		check_found(j, found);
	} else if (code == ERR_INVALID || code == ERR_UNVERIFIED) {
		problems_add(
			&j->verdict.problems, URI, 0, "leads to no module: %s", found->err.msg);
		refuse(j, VERDICT_INVALID);
	} else {
		warn_unknown(j, code);
	}
}

void judge_module(struct judgement *j, const struct finding *found)
{
	j->wants_module = false;
	if (j->mutates)
		pin(j, found);
	else
		check(j, found);
}

/* The webhook has no right to read Secrets, and does not ask without what opens the registry. */
static void ask_for_module(struct judgement *j)
{
	static const struct finding closed = {.err = {.code = ERR_DENIED}};
	const struct extension_image *image = &j->extension->image;

	j->wants_module = image->protocol != PROTOCOL_LOCAL_FS && !image->pull_secret;
	if (image->pull_secret && (j->is_stale || !digest_is_set(&image->sha256)))
		judge_module(j, &closed);
}

void judge_mutation(
	struct judgement *out, const struct review *r, const struct judge_policy *policy)
{
	*out = (struct judgement){.verdict = {.status = VERDICT_ALLOWED}, .mutates = true};
	if (!is_write(r) || !r->object || keeps_spec(r) || !policy->pin || opts_out(r->object))
		return;

	out->is_stale = r->operation == REVIEW_UPDATE && pin_is_stale(r->object, r->old_object);
	if (!pin_goes_with(r->object)) {
		out->verdict.patch = out->is_stale ? PATCH_UNPIN : PATCH_NONE;
		return;
	}

	AUTO(extension) struct extension *ext = read_image(r->object);

	if (!ext || ext->image.protocol == PROTOCOL_LOCAL_FS)
		return;
	if (digest_is_set(&ext->image.sha256) && !out->is_stale)
		return;
	out->extension = STEAL(ext);
	ask_for_module(out);
}

void judge_validation(
	struct judgement *out, const struct review *r, const struct judge_policy *policy)
{
	*out = (struct judgement){.verdict = {.status = VERDICT_ALLOWED}};
	if (!is_write(r) || keeps_spec(r))
		return;
	if (!r->object) {
		problems_add(&out->verdict.problems, "", 0, "the request has no object");
		refuse(out, VERDICT_INVALID);
		return;
	}
	out->extension = extension_from_node(r->object, &out->verdict.problems);
	if (!out->extension) {
		refuse(out, VERDICT_INVALID);
		return;
	}
	extension_warnings(out->extension, &out->verdict.warnings);
	ask_for_module(out);
	list_referrals(out);
	check_place(out, r, policy);
}

void judgement_clear(struct judgement *j)
{
	verdict_clear(&j->verdict);
	extension_free(j->extension);
	*j = (struct judgement){.extension = NULL};
}
