/*
 * The options.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cfgfile.h"
#include "common/log.h"
#include "common/strutil.h"
#include "src/mail/header.h"

#define SMTP_PORT 10025 /* of Listen and OutAddress; as 1.10 */
#define CLAMD_PORT 3310 /* clamd.conf(5), TCPSocket */
#define TIMEOUT_MAX (INT_MAX / 1000) /* seconds that fit as milliseconds */

struct settings_value {
	struct settings_value *next;
	char text[];
};

struct option {
	const char *name;
	/* Set *field; 0, or -1 when value is wrong.  value stays for ever. */
	int (*parse)(const struct option *o, const char *value, void *field);
	size_t offset; /* of the field in struct settings */
	const char *initial; /* the default; NULL: the field is zero */
	const char *error; /* the message for a wrong value, as 1.10 */
	bool tells_value; /* the value follows the message */
	const char *hint; /* what would be right */
	long min, max;
};

static int
parse_text(const struct option *o, const char *value, void *field)
{
	(void)o;
	*(const char **)field = value;
	return 0;
}

static int
parse_name(const struct option *o, const char *value, void *field)
{
	return *value == '\0' ? -1 : parse_text(o, value, field);
}

static int
parse_number(const struct option *o, const char *value, void *field)
{
	long n;

	if (str_number(value, o->min, o->max, &n) < 0)
		return -1;
	*(int *)field = (int)n;
	return 0;
}

/* What no clock could measure lasts as long as one can. */
static int
parse_seconds(const struct option *o, const char *value, void *field)
{
	long n;

	if (str_number(value, o->min, LONG_MAX, &n) < 0)
		return -1;
	*(int *)field = (int)(n < TIMEOUT_MAX ? n : TIMEOUT_MAX);
	return 0;
}

static int
parse_boolean(const struct option *o, const char *value, void *field)
{
	int b = str_boolean(value);

	(void)o;
	if (b < 0)
		return -1;
	*(bool *)field = b == 1;
	return 0;
}

static int
parse_address(const struct option *o, const char *value, void *field)
{
	return addr_parse(field, value, (in_port_t)o->max);
}

/* The place of value among n words, or -1. */
static int
find_word(const char *value, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (str_equals(value, strlen(value), words[i]))
			return i;
	return -1;
}

static int
parse_action(const struct option *o, const char *value, void *field)
{
	static const char *const words[] = {"drop", "bounce", "pass"};
	int i = find_word(value, words, 3);

	(void)o;
	if (i >= 0)
		*(enum when_infected *)field = (enum when_infected)i;
	return i < 0 ? -1 : 0;
}

static int
parse_scan_mode(const struct option *o, const char *value, void *field)
{
	static const char *const words[] = {"stream", "scan"};
	int i = find_word(value, words, 2);

	(void)o;
	if (i >= 0)
		*(enum scan_mode *)field = (enum scan_mode)i;
	return i < 0 ? -1 : 0;
}

static int
parse_bare_newline(const struct option *o, const char *value, void *field)
{
	static const char *const words[] = {"repair", "reject"};
	int i = find_word(value, words, 2);

	(void)o;
	if (i >= 0)
		*(enum bare_newline *)field = (enum bare_newline)i;
	return i < 0 ? -1 : 0;
}

/* Of before Action came: only "on" says something. */
static int
parse_bounce(const struct option *o, const char *value, void *field)
{
	bool on;

	if (parse_boolean(o, value, &on) < 0)
		return -1;
	log_warn("please use \"Action\" option instead of \"Bounce\"");
	if (on)
		*(enum when_infected *)field = WHEN_INFECTED_BOUNCE;
	return 0;
}

static int
parse_scan_header(const struct option *o, const char *value, void *field)
{
	log_warn("please use \"Header\" option instead of \"ScanHeader\"");
	return parse_text(o, value, field);
}

#define FIELD(member) offsetof(struct settings, member)
#define INVALID_VALUE(name) "invalid value for " name, false
#define INVALID_SETTING(name) "invalid setting: " name, false
#define ON_OR_OFF "use on or off"

/* clang-format off: a table is read by its columns. */
static const struct option options[] = {
    {"OutAddress", parse_address, FIELD(out_address), NULL,
	"invalid OutAddress socket name or ip: ", true,
	"use host:port, a port, or a path", 0, SMTP_PORT},
    {"Listen", parse_address, FIELD(listen), "10025",
	"invalid Listen socket name or ip: ", true,
	"use address:port, a port, or a path", 0, SMTP_PORT},
    {"ClamAddress", parse_address, FIELD(clam_address), "/var/run/clamav/clamd",
	"invalid ClamAddress socket name: ", true, "use a path or host:port", 0,
	CLAMD_PORT},
    {"MaxConnections", parse_number, FIELD(max_connections), "64",
	"invalid setting: MaxConnections (must be between 1 and 65535)", false,
	"use a number", 1, MAX_CONNECTIONS_MAX},
    {"TimeOut", parse_seconds, FIELD(timeout_s), "180",
	INVALID_SETTING("TimeOut"), "use seconds, 1 or more", 1, 0},
    {"KeepAlives", parse_seconds, FIELD(keep_alives_s), "0",
	INVALID_SETTING("KeepAlives"), "use seconds, 0 or more", 0, 0},
    {"Header", parse_text, FIELD(header),
	"X-Virus-Scanned: ClamAV using ClamSMTP", INVALID_SETTING("Header"), "",
	0, 0},
    {"TempDirectory", parse_name, FIELD(temp_directory), "/tmp/",
	INVALID_SETTING("TempDirectory"), "use a directory", 0, 0},
    {"Action", parse_action, FIELD(action), "drop", INVALID_VALUE("Action"),
	"use bounce, drop or pass", 0, 0},
    {"Quarantine", parse_boolean, FIELD(quarantine), "off",
	INVALID_VALUE("Quarantine"), ON_OR_OFF, 0, 0},
    {"VirusAction", parse_text, FIELD(virus_action), "",
	INVALID_SETTING("VirusAction"), "", 0, 0},
    {"XClient", parse_boolean, FIELD(xclient), "off", INVALID_VALUE("XClient"),
	ON_OR_OFF, 0, 0},
    {"TransparentProxy", parse_boolean, FIELD(transparent_proxy), "off",
	INVALID_VALUE("TransparentProxy"), ON_OR_OFF, 0, 0},
    {"User", parse_name, FIELD(user), NULL, INVALID_SETTING("User"),
	"use the name of a user", 0, 0},
    {"PidFile", parse_text, FIELD(pid_file), "", INVALID_SETTING("PidFile"), "",
	0, 0},
    {"ScanMode", parse_scan_mode, FIELD(scan_mode), "stream",
	INVALID_VALUE("ScanMode"), "use stream or scan", 0, 0},
    {"BareNewline", parse_bare_newline, FIELD(bare_newline), "repair",
	INVALID_VALUE("BareNewline"), "use repair or reject", 0, 0},
    /* What older versions had. */
    {"Bounce", parse_bounce, FIELD(action), NULL, INVALID_VALUE("Bounce"),
	ON_OR_OFF, 0, 0},
    {"ScanHeader", parse_scan_header, FIELD(header), NULL,
	INVALID_SETTING("ScanHeader"), "", 0, 0},
    {"DebugFiles", parse_boolean, FIELD(debug_files), NULL,
	INVALID_VALUE("DebugFiles"), ON_OR_OFF, 0, 0},
};
/* clang-format on */

#define OPTION_COUNT (sizeof options / sizeof options[0])
_Static_assert(OPTION_COUNT == SETTINGS_COUNT, "each option has its where");

static const struct option *
find_option(const char *name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (str_equals(name, strlen(name), options[i].name))
			return &options[i];
	return NULL;
}

/* The first option that sets the same field. */
static size_t
first_of(const struct option *o)
{
	size_t i = 0;

	while (options[i].offset != o->offset)
		i++;
	return i;
}

/* A copy of text that lives as long as s, or NULL with ENOMEM. */
static const char *
keep_text(struct settings *s, const char *text)
{
	size_t len = strlen(text) + 1;
	struct settings_value *v = malloc(sizeof *v + len);

	if (v == NULL)
		return NULL;
	memcpy(v->text, text, len);
	v->next = s->values;
	s->values = v;
	return v->text;
}

static void
complain(const struct option *o, const char *value, const char *where)
{
	const char *shown = o->tells_value ? value : "";

	if (*o->hint == '\0')
		log_error("%s%s (%s)", o->error, shown, where);
	else
		log_error("%s%s (%s: %s)", o->error, shown, where, o->hint);
}

int
settings_init(struct settings *s)
{
	*s = (struct settings){0};
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];

		if (o->initial != NULL &&
		    o->parse(o, o->initial, (char *)s + o->offset) < 0)
			return -1;
	}
	return 0;
}

int
settings_set(
    struct settings *s, const char *name, const char *value, const char *where)
{
	const struct option *o = find_option(name);
	const char *kept;

	if (o == NULL) {
		log_error("invalid config line: %s (%s: no such option)", name,
		    where);
		return -1;
	}
	kept = keep_text(s, value);
	if (kept == NULL) {
		log_error("out of memory");
		return -1;
	}
	if (o->parse(o, kept, (char *)s + o->offset) < 0) {
		complain(o, value, where);
		return -1;
	}
	s->where[first_of(o)] = keep_text(s, where);
	return 0;
}

const char *
settings_where(const struct settings *s, const char *name)
{
	const struct option *o = find_option(name);

	if (o == NULL || s->where[first_of(o)] == NULL)
		return "default";
	return s->where[first_of(o)];
}

struct loading {
	struct settings *settings;
	const char *path;
};

static int
on_option(void *context, unsigned line, const char *name, const char *value)
{
	const struct loading *l = context;
	char where[PATH_MAX + 16];

	snprintf(where, sizeof where, "%s:%u", l->path, line);
	if (settings_set(l->settings, name, value, where) < 0)
		return -1;
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
	    [CFGFILE_NUL] = "there is a NUL octet in it",
	};
	const struct loading *l = context;

	log_error("invalid config line: %s (%s:%u: %s)", text, l->path, line,
	    hints[error]);
}

int
settings_load(struct settings *s, const char *path)
{
	struct loading loading = {s, path};
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

static bool
is_header_valid(const char *template)
{
	const struct header_symbols symbols = {.client_ip = "192.0.2.1",
	    .local_ip = "192.0.2.2",
	    .zone_name = "UTC"};
	struct strbuf text = {0}, unknown = {0};
	bool valid;

	header_expand(template, &symbols, &text, &unknown);
	valid = header_is_valid(strbuf_str(&text), text.len);
	strbuf_free(&unknown);
	strbuf_free(&text);
	return valid;
}

/* What the port alone leads to, only each session knows. */
static bool
is_loop(const struct settings *s)
{
	struct addr out, listen;

	return s->out_address.kind != ADDR_PORT &&
	    addr_resolve(&s->out_address, NULL, &out) == 0 &&
	    addr_resolve(&s->listen, NULL, &listen) == 0 &&
	    addr_reaches(&out, &listen);
}

int
settings_check(struct settings *s, const char *path)
{
	if (s->header[0] != '\0' && !is_header_valid(s->header)) {
		log_warn("invalid setting: Header (%s: use Name: value; "
			 "no header will be added)",
		    settings_where(s, "Header"));
		s->header = "";
	}
	if (s->transparent_proxy) {
		if (s->out_address.kind != ADDR_NONE)
			log_warn("the OutAddress option will be ignored when "
				 "TransparentProxy is enabled");
	} else if (s->out_address.kind == ADDR_NONE) {
		log_error("no OutAddress specified. (%s: add a line like "
			  "OutAddress: 127.0.0.1:10026)",
		    path);
		return -1;
	} else if (is_loop(s)) {
		log_error("invalid setting: OutAddress (%s: %s makes a loop, "
			  "since it is Listen; use the mail server's address)",
		    settings_where(s, "OutAddress"), s->out_address.text);
		return -1;
	}
	return 0;
}

int
settings_fix_spool_directory(struct settings *s)
{
	char real[PATH_MAX];

	s->spool_directory = s->temp_directory;
	if (s->scan_mode != SCAN_MODE_SCAN)
		return 0;
	if (realpath(s->temp_directory, real) == NULL)
		return -1;
	s->spool_directory = keep_text(s, real);
	return s->spool_directory == NULL ? -1 : 0;
}

void
settings_free(struct settings *s)
{
	while (s->values != NULL) {
		struct settings_value *v = s->values;

		s->values = v->next;
		free(v);
	}
}
