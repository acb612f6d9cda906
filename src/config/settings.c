/*
 * The table of options, and the values that they have.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/config/settings.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/strutil.h"
#include "src/config/option.h"

#define SMTP_PORT 10025 /* of Listen and OutAddress; as 1.10 */
#define CLAMD_PORT 3310 /* clamd.conf(5), TCPSocket */

struct settings_value {
	struct settings_value *next;
	char text[];
};

static const char *const action_words[OPTION_WORDS_MAX] = {
    [WHEN_INFECTED_DROP] = "drop",
    [WHEN_INFECTED_BOUNCE] = "bounce",
    [WHEN_INFECTED_PASS] = "pass",
};
static const char *const scan_mode_words[OPTION_WORDS_MAX] = {
    [SCAN_MODE_STREAM] = "stream",
    [SCAN_MODE_FILDES] = "fildes",
    [SCAN_MODE_SCAN] = "scan",
};
static const char *const bare_newline_words[OPTION_WORDS_MAX] = {
    [BARE_NEWLINE_REPAIR] = "repair",
    [BARE_NEWLINE_REJECT] = "reject",
};
static const char *const unscanned_words[OPTION_WORDS_MAX] = {
    [WHEN_UNSCANNED_TEMPFAIL] = "tempfail",
    [WHEN_UNSCANNED_REJECT] = "reject",
    [WHEN_UNSCANNED_PASS] = "pass",
};

/* option_word writes an int. */
_Static_assert(sizeof(enum when_infected) == sizeof(int), "Action");
_Static_assert(sizeof(enum scan_mode) == sizeof(int), "ScanMode");
_Static_assert(sizeof(enum bare_newline) == sizeof(int), "BareNewline");
_Static_assert(sizeof(enum when_unscanned) == sizeof(int), "Oversize");

/* Older than Action: "on" is an action, "off" says nothing about it. */
static const char *
set_bounce(const struct option *o, const char *value, void *field)
{
	bool on;
	const char *hint = option_boolean(o, value, &on);

	if (hint == NULL && on)
		*(enum when_infected *)field = WHEN_INFECTED_BOUNCE;
	return hint;
}

static const char *
add_rule(const struct option *o, const char *value, void *field)
{
	if (rules_add(field, value) == 0)
		return NULL;
	return errno == ENOMEM ? "out of memory" : o->hint;
}

static const char *
add_exemption(const struct option *o, const char *value, void *field)
{
	if (exempt_add(field, value) == 0)
		return NULL;
	if (errno == EDOM)
		return "the address has more bits than the number behind it";
	if (strchr(value, '<') != NULL && strchr(value, '@') != NULL)
		return "use addresses without the brackets < and >";
	return errno == ENOMEM ? "out of memory" : o->hint;
}

#define FIELD(member) offsetof(struct settings, member)
#define INVALID_VALUE(name) "invalid value for " name
#define INVALID_SETTING(name) "invalid setting: " name
#define ON_OR_OFF "use on or off"

/* clang-format off: a table is read by its columns. */
static const struct option options[] = {
    {"OutAddress", option_add_address, FIELD(out_addresses), NULL,
	"invalid OutAddress socket name or ip: ", .shows_value = true,
	.hint = "use host:port, a port, or a path", .port = SMTP_PORT,
	.is_list = true},
    {"Listen", option_add_address, FIELD(listens), "10025",
	"invalid Listen socket name or ip: ", .shows_value = true,
	.hint = "use address:port, a port, or a path", .port = SMTP_PORT,
	.is_list = true},
    {"ClamAddress", option_add_address, FIELD(scan.addresses),
	"/var/run/clamav/clamd",
	"invalid ClamAddress socket name: ", .shows_value = true,
	.hint = "use a path or host:port", .port = CLAMD_PORT, .is_list = true},
    {"MaxConnections", option_number, FIELD(max_connections), "64",
	"invalid setting: MaxConnections (must be between 1 and 65535)",
	.hint = "use a number from 1 to 65535", .min = 1,
	.max = MAX_CONNECTIONS_MAX},
    {"TimeOut", option_seconds, FIELD(timeout_ms), "180",
	INVALID_SETTING("TimeOut"), .hint = "use seconds, 1 or more", .min = 1},
    {"KeepAlives", option_seconds, FIELD(keep_alives_ms), "0",
	INVALID_SETTING("KeepAlives"), .hint = "use seconds, 0 or more"},
    {"Header", option_text, FIELD(header),
	"X-Virus-Scanned: ClamAV using ClamSMTP", INVALID_SETTING("Header"),
	.hint = "use Name: value"},
    {"TempDirectory", option_path, FIELD(temp_directory), "/tmp/",
	INVALID_SETTING("TempDirectory"), .hint = "use a directory",
	.required = true},
    {"Action", option_word, FIELD(policy.action), "drop",
	INVALID_VALUE("Action"), .hint = "use bounce, drop or pass",
	.words = action_words},
    {"Quarantine", option_boolean, FIELD(quarantine), "off",
	INVALID_VALUE("Quarantine"), .hint = ON_OR_OFF},
    {"VirusAction", option_text, FIELD(virus_action), "",
	INVALID_SETTING("VirusAction"), .hint = "use a command"},
    {"XClient", option_boolean, FIELD(xclient), "off", INVALID_VALUE("XClient"),
	.hint = ON_OR_OFF},
    {"ProxyProtocol", option_add_net, FIELD(proxies), NULL,
	INVALID_SETTING("ProxyProtocol: "), .shows_value = true,
	.hint = "use networks like 10.0.0.0/8, addresses, or unix",
	.is_list = true},
    {"TransparentProxy", option_boolean, FIELD(transparent_proxy), "off",
	INVALID_VALUE("TransparentProxy"), .hint = ON_OR_OFF},
    {"User", option_text, FIELD(user), NULL, INVALID_SETTING("User"),
	.hint = "use the name of a user", .required = true},
    {"PidFile", option_path, FIELD(pid_file), "", INVALID_SETTING("PidFile"),
	.hint = "use the path of a file"},
    {"StatsFile", option_path, FIELD(stats_file), "",
	INVALID_SETTING("StatsFile"), .hint = "use the path of a file"},
    {"ScanMode", option_word, FIELD(scan.mode), "stream",
	INVALID_VALUE("ScanMode"), .hint = "use stream, fildes or scan",
	.words = scan_mode_words},
    {"ScanTimeOut", option_seconds, FIELD(scan.timeout_ms), NULL,
	INVALID_SETTING("ScanTimeOut"), .hint = "use seconds, 1 or more",
	.min = 1},
    {"BareNewline", option_word, FIELD(policy.bare_newline), "repair",
	INVALID_VALUE("BareNewline"), .hint = "use repair or reject",
	.words = bare_newline_words},
    {"ScanFail", option_word, FIELD(policy.scan_fail), "tempfail",
	INVALID_VALUE("ScanFail"), .hint = "use tempfail, reject or pass",
	.words = unscanned_words},
    {"Oversize", option_word, FIELD(policy.oversize), "reject",
	INVALID_VALUE("Oversize"), .hint = "use reject, tempfail or pass",
	.words = unscanned_words},
    {"VirusRule", add_rule, FIELD(policy.rules), NULL,
	INVALID_VALUE("VirusRule"),
	.hint = "use PATTERN drop, PATTERN bounce, PATTERN pass or "
		"PATTERN tempfail"},
    {"Skip", add_exemption, FIELD(skip), NULL, INVALID_VALUE("Skip"),
	.hint = "use client NETWORK, sender PATTERN, recipient PATTERN or "
		"authenticated"},
    /* What older versions had. */
    {"Bounce", set_bounce, FIELD(policy.action), NULL, INVALID_VALUE("Bounce"),
	.hint = ON_OR_OFF, .instead = "Action"},
    {"ScanHeader", option_text, FIELD(header), NULL,
	INVALID_SETTING("ScanHeader"), .hint = "use Name: value",
	.instead = "Header"},
    {"DebugFiles", option_boolean, FIELD(debug_files), NULL,
	INVALID_VALUE("DebugFiles"), .hint = ON_OR_OFF},
};
/* clang-format on */

#define OPTION_COUNT (sizeof options / sizeof options[0])
_Static_assert(OPTION_COUNT <= SETTINGS_MAX, "each option has its where");

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

/* A copy of len octets that lives as long as s, or NULL with ENOMEM. */
static const char *
keep_octets(struct settings *s, const char *text, size_t len)
{
	struct settings_value *v = malloc(sizeof *v + len + 1);

	if (v == NULL)
		return NULL;
	memcpy(v->text, text, len);
	v->text[len] = '\0';
	v->next = s->values;
	s->values = v;
	return v->text;
}

static const char *
keep_text(struct settings *s, const char *text)
{
	return keep_octets(s, text, strlen(text));
}

static void
complain(const struct option *o, const char *value, const char *where,
    const char *hint)
{
	const char *mistake = option_common_mistake(value);

	log_error("%s%s (%s: %s)", o->error, o->shows_value ? value : "", where,
	    mistake == NULL ? hint : mistake);
}

static void
complain_of_name(const char *name, const char *where)
{
	const char *hint = option_common_mistake(name);

	if (hint == NULL)
		hint = name[strcspn(name, " \t=")] == '\0'
		    ? "no such option; clamsmtpd.conf(5) has all"
		    : "use Name: value";
	log_error("invalid config line: %s (%s: %s)", name, where, hint);
}

int
settings_init(struct settings *s)
{
	*s = (struct settings){0};
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];

		if (o->initial != NULL &&
		    o->set(o, o->initial, (char *)s + o->offset) != NULL)
			return -1;
	}
	return 0;
}

static void *
field_of(struct settings *s, const struct option *o)
{
	return (char *)s + o->offset;
}

/* Returns 0, or -1 after an error was logged. */
static int
set_one(struct settings *s, const struct option *o, const char *value,
    size_t len, const char *where)
{
	const char *kept = keep_octets(s, value, len), *hint;

	if (kept == NULL) {
		log_error("out of memory");
		return -1;
	}
	hint = o->set(o, kept, field_of(s, o));
	if (hint != NULL)
		complain(o, kept, where, hint);
	return hint == NULL ? 0 : -1;
}

static bool
is_command_line(const char *where)
{
	return strcmp(where, SETTINGS_COMMAND_LINE) == 0;
}

/* Does where take the place of what the list has, rather than add to it? */
static bool
replaces(const struct addr_list *list, const char *where)
{
	const char *before = list->count == 0 ? NULL : list->spec[0].where;

	return before == NULL ||
	    (is_command_line(before) && !is_command_line(where));
}

/* Addresses are added; kept_where is for those that have none yet. */
static void
note_where(struct addr_list *list, const char *kept_where)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->spec[i].where == NULL)
			list->spec[i].where = kept_where;
}

/* Each piece of the value, without the blanks around it, also behind a wrong one.
 * As set_one. */
static int
set_list(struct settings *s, const struct option *o, const char *value,
    const char *where)
{
	int rc = 0;

	for (const char *piece = value;;) {
		size_t len = strcspn(piece, ",");
		const char *trimmed = piece, *end = piece + len;

		str_trim(&trimmed, &len);
		if (set_one(s, o, trimmed, len, where) < 0)
			rc = -1;
		if (*end == '\0')
			return rc;
		piece = end + 1;
	}
}

int
settings_set(
    struct settings *s, const char *name, const char *value, const char *where)
{
	const struct option *o = find_option(name);
	struct addr_list *list;
	int rc;

	if (o == NULL) {
		complain_of_name(name, where);
		return -1;
	}
	list = o->set == option_add_address ? field_of(s, o) : NULL;
	if (list != NULL && replaces(list, where))
		list->count = 0;
	rc = o->is_list ? set_list(s, o, value, where)
			: set_one(s, o, value, strlen(value), where);
	s->where[first_of(o)] = keep_text(s, where);
	if (list != NULL)
		note_where(list, s->where[first_of(o)]);
	if (rc == 0 && o->instead != NULL)
		log_warn("please use \"%s\" option instead of \"%s\"",
		    o->instead, o->name);
	return rc;
}

bool
settings_was_set(const struct settings *s, const char *name)
{
	const struct option *o = find_option(name);

	return o != NULL && s->where[first_of(o)] != NULL;
}

const char *
settings_where(const struct settings *s, const char *name)
{
	return settings_was_set(s, name) ? s->where[first_of(find_option(name))]
					 : "default";
}

int
settings_fix_spool_directory(struct settings *s)
{
	char real[PATH_MAX];

	s->spool_directory = s->temp_directory;
	if (s->scan.mode != SCAN_MODE_SCAN)
		return 0;
	if (realpath(s->temp_directory, real) == NULL)
		return -1;
	s->spool_directory = keep_text(s, real);
	return s->spool_directory == NULL ? -1 : 0;
}

void
settings_free(struct settings *s)
{
	rules_free(&s->policy.rules);
	exempt_free(&s->skip);
	while (s->values != NULL) {
		struct settings_value *v = s->values;

		s->values = v->next;
		free(v);
	}
}
