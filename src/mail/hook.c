/*
 * The program that is run when a virus was found.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/signals.h"
#include "common/strbuf.h"

#define VARIABLES 9

extern char **environ;

struct variable {
	const char *name;
	const char *value;
};

/* The length of value that is passed on: whole lines within the limit. */
static size_t
fitting(const struct variable *v)
{
	size_t len = strlen(v->value), fit = HOOK_VALUE_MAX;

	if (len <= HOOK_VALUE_MAX)
		return len;
	while (fit > 0 && v->value[fit] != '\n')
		fit--;
	log_warn("virus action: %s is too long, %zu of %zu octets are left out",
	    v->name, len - fit, len);
	return fit;
}

static bool
is_ours(const char *entry, const struct variable *vars)
{
	for (int i = 0; i < VARIABLES; i++) {
		size_t n = strlen(vars[i].name);

		if (strncmp(entry, vars[i].name, n) == 0 && entry[n] == '=')
			return true;
	}
	return false;
}

static size_t
count_environ(void)
{
	size_t n = 0;

	while (environ != NULL && environ[n] != NULL)
		n++;
	return n;
}

/* "NAME=value" for those that have a value, one after the other in memory. */
static size_t
add_variables(
    char **env, struct strbuf *memory, const struct variable vars[VARIABLES])
{
	size_t starts[VARIABLES], n = 0;

	for (int i = 0; i < VARIABLES; i++) {
		if (vars[i].value == NULL)
			continue;
		starts[n++] = memory->len;
		strbuf_puts(memory, vars[i].name);
		strbuf_add(memory, "=", 1);
		strbuf_add(memory, vars[i].value, fitting(&vars[i]));
		strbuf_add(memory, "", 1);
	}
	/* The memory does not move any more. */
	for (size_t i = 0; i < n && !memory->failed; i++)
		env[i] = memory->data + starts[i];
	return n;
}

/*
 * Our environment without these variables, then these.  The array is the
 * caller's to free; its new strings live in memory.
 */
static char **
make_env(struct strbuf *memory, const struct variable vars[VARIABLES])
{
	char **env = calloc(count_environ() + VARIABLES + 1, sizeof *env);
	size_t n = 0;

	if (env == NULL)
		return NULL;
	for (char **e = environ; e != NULL && *e != NULL; e++)
		if (!is_ours(*e, vars))
			env[n++] = *e;
	(void)add_variables(env + n, memory, vars);
	if (memory->failed) {
		free(env);
		return NULL;
	}
	return env;
}

static int
set_up(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr)
{
	sigset_t none, standard;
	int rc;

	sigemptyset(&none);
	signals_changed(&standard);
	rc = posix_spawn_file_actions_addopen(
	    files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(
		    files, 1, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, 1, 2);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &standard);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
		    attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

/* posix_spawn(3) is safe among threads, where fork(2) and setenv(3) are not. */
static int
spawn_shell(const char *command, char **env)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char sh[] = "sh", c[] = "-c";
	char *text = strdup(command);
	char *argv[] = {sh, c, text, NULL};
	pid_t pid;
	int rc;

	if (text == NULL)
		return ENOMEM;
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	rc = set_up(&files, &attr);
	if (rc == 0)
		rc = posix_spawn(&pid, "/bin/sh", &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	free(text);
	return rc;
}

static const char *
if_known(const char *value)
{
	return *value == '\0' ? NULL : value;
}

int
hook_run(const char *command, const struct hook_facts *f)
{
	const struct variable vars[VARIABLES] = {
	    {"CLIENT", f->client},
	    {"SERVER", f->server},
	    {"SENDER", if_known(f->sender)},
	    {"RECIPIENTS", if_known(f->recipients)},
	    {"VIRUS", f->virus},
	    {"TMPDIR", f->tmpdir},
	    {"EMAIL", if_known(f->email)},
	    {"REMOTE", if_known(f->remote)},
	    {"REMOTE_HELO", if_known(f->remote_helo)},
	};
	struct strbuf memory = {0};
	char **env = make_env(&memory, vars);
	int rc;

	if (env == NULL)
		return -1;
	rc = spawn_shell(command, env);
	free(env);
	strbuf_free(&memory);
	errno = rc;
	return rc == 0 ? 0 : -1;
}
