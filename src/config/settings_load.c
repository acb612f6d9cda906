/*
 * The configuration file, and what options must have to do with each other.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings_load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cfgfile.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "src/config/option.h"
#include "src/mail/header_line.h"

struct loading {
	struct settings *settings;
	const char *path;
	bool faulty; /* only faults are worth a line then */
};

static int
on_option(void *context, unsigned line, const char *name, const char *value)
{
	struct loading *l = context;
	char where[PATH_MAX + 16];

	snprintf(where, sizeof where, "%s:%u", l->path, line);
	if (settings_set(l->settings, name, value, where) < 0) {
		l->faulty = true;
		return -1;
	}
	if (!l->faulty)
		log_debug("parsed option: %s: %s", name, value);
	return 0;
}

static void
on_error(
    void *context, unsigned line, enum cfgfile_error error, const char *text)
{
	static const char *const hints[] = {
	    [CFGFILE_NO_COLON] = "use Name: value",
	    [CFGFILE_NO_NAME] = "use Name: value",
	    [CFGFILE_NUL] = ("there is a NUL octet in it; "
			     "save the file as plain text"),
	};
	struct loading *l = context;
	const char *mark = option_byte_order_mark(text);

	log_error("invalid config line: %s (%s:%u: %s)", text, l->path, line,
	    mark == NULL ? hints[error] : mark);
	l->faulty = true;
}

int
settings_load(struct settings *s, const char *path)
{
	struct loading loading = {.settings = s, .path = path};
	const struct cfgfile_handler handler = {
	    .option = on_option, .error = on_error, .context = &loading};
	char *text;
	size_t len;
	int rc;

	rc = cfgfile_read(path, &text, &len);
	if (rc < 0) {
		if (rc == -1 && errno == ENOENT) {
			log_warn("configuration file not found: %s", path);
			return 0;
		}
		log_error("couldn't %s config file: %s: %m",
		    rc == -1 ? "open" : "read", path);
		return -2;
	}
	log_debug("read config file: %s", path);
	rc = cfgfile_parse(text, len, &handler);
	free(text);
	return rc;
}

/* Say what would come of the option Header, and leave it out if it is none. */
static void
check_header(struct settings *s)
{
	const struct header_line_symbols symbols = {.client_ip = "192.0.2.1",
	    .local_ip = "192.0.2.2",
	    .zone_name = "UTC"};
	const char *where = settings_where(s, "Header");
	struct strbuf text = {0}, unknown = {0};

	header_line_expand(s->header, &symbols, &text, &unknown);
	for (const char *c = strbuf_str(&unknown); *c != '\0'; c++)
		log_warn("invalid setting: Header (%s: there is no %%%c, use "
			 "%%d, %%i, %%l or %%%%)",
		    where, *c);
	if (*s->header != '\0' &&
	    !header_line_is_valid(strbuf_str(&text), text.len)) {
		log_warn("invalid setting: Header (%s: use Name: value; "
			 "no header will be added)",
		    where);
		s->header = "";
	} else if (*s->header == '"' || *s->header == '\'')
		log_warn("invalid setting: Header (%s: without quotes; they "
			 "become part of the header)",
		    where);
	strbuf_free(&unknown);
	strbuf_free(&text);
}

/* Where the mode asks for more than an address can do, or may. */
static void
check_scan_mode(const struct settings *s)
{
	const struct addr_list *list = &s->scan.addresses;

	for (size_t i = 0; i < list->count; i++) {
		const struct addr_spec *a = &list->spec[i];

		if (s->scan.mode == SCAN_MODE_STREAM ||
		    (a->kind == ADDR_FIXED &&
			a->addr.u.sa.sa_family == AF_UNIX))
			continue;
		log_warn(s->scan.mode == SCAN_MODE_FILDES
			? "ScanMode fildes needs the path of a socket, and %s "
			  "is none: what it scans is streamed (%s)"
			: "ScanMode scan needs a clamd on this host, and %s "
			  "may "
			  "be elsewhere: use ScanMode: stream (%s)",
		    a->text, settings_where(s, "ScanMode"));
	}
}

int
settings_check(struct settings *s, const char *path)
{
	if (s->scan.timeout_ms == 0)
		s->scan.timeout_ms = s->timeout_ms;
	check_header(s);
	check_scan_mode(s);
	if (s->transparent_proxy) {
		if (s->out_addresses.count > 0)
			log_warn("the OutAddress option will be ignored when "
				 "TransparentProxy is enabled");
		return 0;
	}
	if (s->out_addresses.count == 0) {
		/* What is wrong with one that was set was said. */
		if (!settings_was_set(s, "OutAddress"))
			log_error(
			    "no OutAddress specified. (%s: add a line like "
			    "OutAddress: 127.0.0.1:10026)",
			    path);
		return -1;
	}
	return 0;
}
