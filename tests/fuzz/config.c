/*
 * Fuzz target: a configuration file, down to the options.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/cfgfile.h"
#include "common/log.h"
#include "src/config/settings_load.h"
#include "tests/fuzz/fuzz.h"

static int
on_option(void *context, unsigned line, const char *name, const char *value)
{
	CHECK(line > 0 && strchr(name, '\n') == NULL);
	(void)settings_set(context, name, value, "fuzz");
	return 0;
}

static void
on_error(
    void *context, unsigned line, enum cfgfile_error error, const char *text)
{
	(void)context;
	CHECK(line > 0 && error <= CFGFILE_NUL);
	CHECK(strchr(text, '\n') == NULL);
}

static void
check_ranges(const struct settings *s)
{
	CHECK(s->max_connections >= 1 &&
	    s->max_connections <= MAX_CONNECTIONS_MAX);
	CHECK(s->timeout_ms >= 1000 && s->timeout_ms <= INT32_MAX);
	CHECK(s->keep_alives_ms >= 0 && s->keep_alives_ms <= INT32_MAX);
	CHECK(s->temp_directory[0] != '\0');
	CHECK(s->header != NULL && s->virus_action != NULL &&
	    s->pid_file != NULL);
	CHECK(s->policy.action <= WHEN_INFECTED_PASS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s;
	const struct cfgfile_handler h = {
	    .option = on_option, .error = on_error, .context = &s};

	/* Nothing that is wrong with the file needs to be said. */
	log_to_console(-LOG_ERR);
	log_started();
	CHECK(settings_init(&s) == 0);
	(void)cfgfile_parse((const char *)data, size, &h);
	check_ranges(&s);
	(void)settings_check(&s, "fuzz");
	check_ranges(&s);
	settings_free(&s);
	return 0;
}
