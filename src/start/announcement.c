/*
 * The line in the log about the start, and that about the end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/announcement.h"

#include <pwd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/strbuf.h"

/* "Listen /a, /b, " */
static void
put_list(struct strbuf *line, const char *name, const struct addr_list *list)
{
	strbuf_puts(line, name);
	for (size_t i = 0; i < list->count; i++) {
		strbuf_puts(line, " ");
		strbuf_puts(line, list->spec[i].text);
		strbuf_puts(line, ",");
	}
	strbuf_puts(line, " ");
}

void
announcement_log(const char *what, const struct settings *set)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct strbuf line = {0};

	put_list(&line, "Listen", &set->listens);
	if (set->transparent_proxy)
		strbuf_puts(&line, "OutAddress (transparent proxy), ");
	else
		put_list(&line, "OutAddress", &set->out_addresses);
	put_list(&line, "ClamAddress", &set->scan.addresses);
	log_write(LOG_NOTICE, "%s (" PACKAGE_VERSION "): %suser %s", what,
	    strbuf_str(&line), pw == NULL ? "unknown" : pw->pw_name);
	strbuf_free(&line);
}
