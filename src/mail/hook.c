/*
 * The program that is run when a virus was found.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/hook.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "src/mail/hook_jobs.h"
#include "src/mail/shell.h"

#define VARIABLES 9
#define RETRY_MS 20 /* between two looks whether its turn has come */

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

static const char *
if_known(const char *value)
{
	return *value == '\0' ? NULL : value;
}

struct order {
	const char *command;
	char **env;
};

static int
start(void *context, pid_t *pid)
{
	const struct order *o = context;

	return shell_start(pid, o->command, o->env);
}

/* Wait for a while; false: the wait is over. */
static bool
pause_a_little(struct waiter *waiter, struct deadline d)
{
	return deadline_left_ms(d) > 0 &&
	    waiter_wait(waiter, -1, 0, deadline_in(RETRY_MS)) == IO_TIMEOUT;
}

/* Start it when the one before has ended and there is room, or else never. */
static int
start_in_turn(struct order *o, unsigned long *job, struct waiter *waiter)
{
	struct deadline d = deadline_in(HOOK_WAIT_MS);

	do {
		errno = EBUSY;
		if (!hook_jobs_is_running(*job) &&
		    hook_jobs_start(start, o, job) == 0)
			return 0;
	} while (errno == EBUSY && pause_a_little(waiter, d));
	return -1;
}

int
hook_run(const char *command, const struct hook_facts *f, unsigned long *job,
    struct waiter *waiter)
{
	const struct variable vars[VARIABLES] = {
	    {"CLIENT", f->client},
	    {"SERVER", f->upstream},
	    {"SENDER", if_known(f->sender)},
	    {"RECIPIENTS", if_known(f->recipients)},
	    {"VIRUS", f->virus},
	    {"TMPDIR", f->tmpdir},
	    {"EMAIL", if_known(f->email)},
	    {"REMOTE", if_known(f->remote)},
	    {"REMOTE_HELO", if_known(f->remote_helo)},
	};
	struct strbuf memory = {0};
	struct order order = {command, make_env(&memory, vars)};
	int rc;

	if (order.env == NULL) {
		errno = ENOMEM;
		return -1;
	}
	rc = start_in_turn(&order, job, waiter);
	free(order.env);
	strbuf_free(&memory);
	return rc;
}
