/*
 * What is the same for as long as the daemon runs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings_fixed.h"

#include <string.h>

#include "common/log.h"

void
settings_forget_listens(struct settings *s)
{
	s->listens.count = s->listen_at.count = 0;
}

void
settings_add_listen(
    struct settings *s, const struct addr_spec *spec, const struct addr *at)
{
	s->listens.spec[s->listens.count++] = *spec;
	s->listen_at.at[s->listen_at.count++] = *at;
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Do these take the place of what any file says? */
static bool
is_handed_over(const struct addr_list *listens)
{
	const char *where = listens->spec[0].where;

	return where != NULL && strcmp(where, SETTINGS_HANDED_OVER) == 0;
}

void
settings_keep_fixed(struct settings *s, const struct settings *first)
{
	const struct {
		const char *name;
		bool same;
	} fixed[] = {
	    {"Listen",
		is_handed_over(&first->listens) ||
		    addr_list_same(&s->listens, &first->listens)},
	    {"User", is_same_text(s->user, first->user)},
	    {"TempDirectory",
		is_same_text(s->temp_directory, first->temp_directory)},
	    {"PidFile", is_same_text(s->pid_file, first->pid_file)},
	};

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		if (!fixed[i].same)
			log_warn("%s cannot change while the daemon runs, and "
				 "stays as it was until a restart (%s)",
			    fixed[i].name, settings_where(s, fixed[i].name));
	s->listens = first->listens;
	s->listen_at = first->listen_at;
	s->user = first->user;
	s->temp_directory = first->temp_directory;
	s->pid_file = first->pid_file;
}
