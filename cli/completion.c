/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/verb.h"

static const struct flag completion_flags[] = {OPTIONS_HELP};

const struct flags completion_usage = {
	.usage = "wasmxds completion bash|zsh|fish",
	.about = "Prints what completes wasmxds's command lines in a shell:\n"
		 "bash: source <(wasmxds completion bash)\n"
		 "zsh: wasmxds completion zsh >~/.zfunc/_wasmxds\n"
		 "fish: wasmxds completion fish >~/.config/fish/completions/wasmxds.fish",
	.table = completion_flags,
	.n = 1,
};

enum kind { KIND_NONE, KIND_CHOICE, KIND_FILE, KIND_FOLDER, KIND_OTHER };

/* What a flag's value is, as far as a shell can help with it. */
static enum kind kind_of(const struct flag *flag)
{
	const char *value = flags_value(flag);

	if (!value)
		return KIND_NONE;
	if (flag->type == FLAG_CHOICE)
		return KIND_CHOICE;
	if (strcmp(value, "FILE") == 0)
		return KIND_FILE;
	return strcmp(value, "DIR") == 0 ? KIND_FOLDER : KIND_OTHER;
}

static void put_choices(const struct flag *flag)
{
	for (size_t i = 0; flag->choices[i]; i++)
		(void)printf("%s%s", i > 0 ? " " : "", flag->choices[i]);
}

/* Text within single quotes, of which each shell has its own way to show one; zsh's specifications
 * want more characters escaped. */
static void put_quoted(const char *text, const char *quote, const char *special)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			(void)fputs(quote, stdout);
		else
			(void)printf("%s%c", strchr(special, *c) ? "\\" : "", *c);
	}
}

static void put_bash_values(const struct verb *verb, const struct flag *flag)
{
	enum kind kind = kind_of(flag);

	if (kind == KIND_NONE)
		return;
	(void)printf("\t'%s --%s'%s%s%s%c%s) ", verb->name, flag->name, flag->letter ? " | '" : "",
		flag->letter ? verb->name : "", flag->letter ? " -" : "",
		flag->letter ? flag->letter : ' ', flag->letter ? "'" : "");
	if (kind == KIND_CHOICE) {
		(void)fputs("mapfile -t COMPREPLY < <(compgen -W '", stdout);
		put_choices(flag);
		(void)fputs("' -- \"$cur\") ;;\n", stdout);
	} else if (kind == KIND_OTHER) {
		(void)fputs("COMPREPLY=() ;;\n", stdout);
	} else {
		(void)printf("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -%c -- "
			     "\"$cur\") ;;\n",
			kind == KIND_FILE ? 'f' : 'd');
	}
}

static void put_bash_names(const struct verb *verb)
{
	const struct flag *flag;

	(void)printf("\t%s) names='", verb->name);
	for (size_t i = 0; (flag = flags_at(verb->flags, i)); i++)
		(void)printf(
			"%s--%s%s", i > 0 ? " " : "", flag->name, flags_value(flag) ? "=" : "");
	(void)fputs("' ;;\n", stdout);
}

static void put_bash(void)
{
	const struct verb *verb;
	const struct flag *flag;

	(void)fputs(
		"# bash completion of wasmxds\n"
		"_wasmxds()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} names=\n"
		"\tlocal verb=${COMP_WORDS[1]}\n"
		"\t# --flag=value comes as three words\n"
		"\tif [ \"$cur\" = = ]; then\n\t\tcur=\n"
		"\telif [ \"$before\" = = ]; then\n\t\tbefore=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
		"\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -W '",
		stdout);
	for (size_t i = 0; (verb = verb_at(i)); i++)
		(void)printf("%s%s", i > 0 ? " " : "", verb->name);
	(void)fputs("' -- \"$cur\")\n\t\treturn\n\tfi\n\tcase \"$verb $before\" in\n", stdout);
	for (size_t i = 0; (verb = verb_at(i)); i++) {
		for (size_t j = 0; (flag = flags_at(verb->flags, j)); j++)
			put_bash_values(verb, flag);
	}
	(void)fputs("\t*)\n\t\tcase \"$verb\" in\n", stdout);
	for (size_t i = 0; (verb = verb_at(i)); i++) {
		(void)fputc('\t', stdout);
		put_bash_names(verb);
	}
	(void)fputs("\t\tesac\n"
		    "\t\tif [[ $cur == -* ]]; then\n"
		    "\t\t\tcompopt -o nospace\n"
		    "\t\t\tmapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
		    "\t\telse\n"
		    "\t\t\tcompopt -o filenames\n"
		    "\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		    "\t\tfi ;;\n\tesac\n}\ncomplete -F _wasmxds wasmxds\n",
		stdout);
}

static void put_zsh_flag(const struct flag *flag)
{
	enum kind kind = kind_of(flag);
	const char *again = flag->type == FLAG_LIST ? "*" : "";

	(void)printf(" \\\n\t\t\t'%s--%s%s[", again, flag->name, kind == KIND_NONE ? "" : "=");
	put_quoted(flag->help, "'\\''", "[]\\");
	(void)fputc(']', stdout);
	if (kind == KIND_NONE) {
		(void)fputc('\'', stdout);
		return;
	}
	(void)fputc(':', stdout);
	put_quoted(flags_value(flag), "'\\''", ":\\");
	(void)fputc(':', stdout);
	if (kind == KIND_CHOICE) {
		(void)fputc('(', stdout);
		put_choices(flag);
		(void)fputc(')', stdout);
	} else if (kind == KIND_FILE || kind == KIND_FOLDER) {
		(void)fputs(kind == KIND_FILE ? "_files" : "_files -/", stdout);
	}
	(void)fputc('\'', stdout);
}

static void put_zsh(void)
{
	const struct verb *verb;
	const struct flag *flag;

	(void)fputs("#compdef wasmxds\n"
		    "_wasmxds()\n{\n\tlocal state line\n\tlocal -a verbs\n\tverbs=(\n",
		stdout);
	for (size_t i = 0; (verb = verb_at(i)); i++) {
		(void)printf("\t\t'%s:", verb->name);
		put_quoted(verb->help, "'\\''", "\\");
		(void)fputs("'\n", stdout);
	}
	(void)fputs("\t)\n\t_arguments -C '1: :->verb' '*:: :->rest'\n\tcase $state in\n"
		    "\tverb) _describe verb verbs ;;\n\trest)\n\t\tcase $words[1] in\n",
		stdout);
	for (size_t i = 0; (verb = verb_at(i)); i++) {
		(void)printf("\t\t%s)\n\t\t\t_arguments", verb->name);
		for (size_t j = 0; (flag = flags_at(verb->flags, j)); j++)
			put_zsh_flag(flag);
		(void)fputs(" \\\n\t\t\t'*:file:_files' ;;\n", stdout);
	}
	(void)fputs("\t\tesac ;;\n\tesac\n}\n"
		    "if [ \"$funcstack[1]\" = _wasmxds ]; then\n\t_wasmxds \"$@\"\n"
		    "else\n\tcompdef _wasmxds wasmxds\nfi\n",
		stdout);
}

static void put_fish_flag(const struct verb *verb, const struct flag *flag)
{
	enum kind kind = kind_of(flag);

	(void)printf("complete -c wasmxds -n '__fish_seen_subcommand_from %s' -l %s", verb->name,
		flag->name);
	if (flag->letter)
		(void)printf(" -s %c", flag->letter);
	(void)fputs(" -d '", stdout);
	put_quoted(flag->help, "\\'", "\\");
	(void)fputc('\'', stdout);
	if (kind == KIND_CHOICE) {
		(void)fputs(" -x -a '", stdout);
		put_choices(flag);
		(void)fputc('\'', stdout);
	} else if (kind == KIND_FOLDER) {
		(void)fputs(" -x -a '(__fish_complete_directories)'", stdout);
	} else if (kind != KIND_NONE) {
		(void)fputs(kind == KIND_FILE ? " -r -F" : " -x", stdout);
	}
	(void)fputc('\n', stdout);
}

static void put_fish(void)
{
	const struct verb *verb;
	const struct flag *flag;

	(void)fputs("# fish completion of wasmxds\n", stdout);
	for (size_t i = 0; (verb = verb_at(i)); i++) {
		(void)printf(
			"complete -c wasmxds -n __fish_use_subcommand -f -a %s -d '", verb->name);
		put_quoted(verb->help, "\\'", "\\");
		(void)fputs("'\n", stdout);
	}
	for (size_t i = 0; (verb = verb_at(i)); i++) {
		for (size_t j = 0; (flag = flags_at(verb->flags, j)); j++)
			put_fish_flag(verb, flag);
	}
}

static const struct shell {
	const char *name;
	void (*put)(void);
} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

static void (*find_shell(const char *name))(void)
{
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, name) == 0)
			return shells[i].put;
	}
	return NULL;
}

int verb_completion(int argc, char **argv)
{
	struct options config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&completion_usage, &config, argc, argv, &operands, &code)) {
		void (*put)(void) = operands == 1 ? find_shell(argv[0]) : NULL;

		if (put)
			put();
		else
			code = options_usage_error(
				&completion_usage, "completion takes a shell: bash, zsh or fish");
	}
	flags_clear(&completion_usage, &config);
	return code;
}
