/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/version.h"
#include "base/xalloc.h"
#include "cli/options.h"
#include "cli/verb.h"

static const struct flag man_flags[] = {OPTIONS_HELP};

const struct flags man_usage = {
	.usage = "wasmxds man [VERB]",
	.about = "Prints the manual page of the program, or of one of its verbs:\n"
		 "`wasmxds man run | man -l -` shows it.",
	.table = man_flags,
	.n = 1,
};

/* Text as text: no line begins a request, and a hyphen is what one types. */
static void put_text(const char *text)
{
	bool begins = true;

	for (const char *c = text; *c; c++) {
		if (begins && (*c == '.' || *c == '\''))
			(void)fputs("\\&", stdout);
		begins = *c == '\n';
		if (*c == '\\')
			(void)fputs("\\e", stdout);
		else if (*c == '-')
			(void)fputs("\\-", stdout);
		else
			(void)putchar(*c);
	}
}

static void put_section(const char *title)
{
	(void)printf("\n.SH %s\n", title);
}

static void put_head(const char *name, const char *help)
{
	(void)fputs(".TH ", stdout);
	for (const char *c = name; *c; c++)
		(void)putchar(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	(void)printf(" 1 \"\" \"wasmxds %s\" \"User Commands\"\n.SH NAME\n", WASMXDS_VERSION);
	put_text(name);
	(void)fputs(" \\- ", stdout);
	put_text(help);
}

static void put_flag(const struct flag *flag)
{
	const char *value = flags_value(flag);
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)fputs("\n.TP\n\\fB", stdout);
	if (flag->letter)
		(void)printf("\\-%c\\fR, \\fB", flag->letter);
	put_text("--");
	put_text(flag->name);
	(void)fputs("\\fR", stdout);
	if (value)
		(void)printf("=\\fI%s\\fR", value);
	(void)putchar('\n');
	if (out) {
		flags_describe(flag, out);
		(void)fclose(out);
		put_text(text);
	}
	free(text);
}

static void put_exit_codes(void)
{
	put_section("EXIT STATUS");
	put_text("0: it is as it should be.  1: it worked, and what it looked at is not as it "
		 "should be, or it failed.  2: the command line is wrong, or what it names cannot "
		 "be read.");
}

static void put_verb(const struct verb *verb)
{
	AUTO(free) char *name = xasprintf("wasmxds-%s", verb->name);
	const struct flag *flag;

	put_head(name, verb->help);
	put_section("SYNOPSIS");
	put_text(verb->flags->usage);
	put_section("DESCRIPTION");
	put_text(verb->flags->about);
	put_section("OPTIONS");
	for (size_t i = 0; (flag = flags_at(verb->flags, i)); i++)
		put_flag(flag);
	put_exit_codes();
	put_section("SEE ALSO");
	(void)fputs(".BR wasmxds (1)\n", stdout);
}

static void put_program(void)
{
	const struct verb *verb;

	put_head("wasmxds", "Proxy-Wasm filters for fleets of Envoy");
	put_section("SYNOPSIS");
	put_text("wasmxds VERB [flags] ...");
	put_section("DESCRIPTION");
	put_text("Takes Proxy-Wasm modules from wherever they live, verifies them, keeps them, and "
		 "serves them to every Envoy that subscribes.");
	put_section("VERBS");
	for (size_t i = 0; (verb = verb_at(i)); i++) {
		(void)printf("\n.TP\n.BR wasmxds\\-%s (1)\n", verb->name);
		put_text(verb->help);
	}
	put_exit_codes();
	(void)putchar('\n');
}

int verb_man(int argc, char **argv)
{
	struct options config;
	const struct verb *verb = NULL;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&man_usage, &config, argc, argv, &operands, &code)) {
		verb = operands == 1 ? verb_find(argv[0]) : NULL;
		if (verb)
			put_verb(verb);
		else if (operands == 0)
			put_program();
		else
			code = options_usage_error(&man_usage, "man takes one verb, or none");
	}
	flags_clear(&man_usage, &config);
	return code;
}
