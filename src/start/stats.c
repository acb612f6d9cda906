/*
 * The thread that tells the counters.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/start/stats.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/replace.h"
#include "common/signals.h"
#include "src/scan/clamds.h"
#include "src/start/metrics.h"

#define STACK_SIZE ((size_t)128 << 10) /* octets; a log line needs most */
#define FILE_MODE 0644 /* who collects it is another user */

/* clamds has room for all that set knows. */
static struct metrics
collect(const struct stats *st, const struct settings *set,
    struct metrics_clamd clamds[ADDR_LIST_MAX])
{
	struct metrics m = {
	    .counters = counters_read(),
	    .log_lines_lost = log_lost(),
	    .started = st->started,
	    .version = PACKAGE_VERSION,
	    .clamds = clamds,
	    .clamd_count = set->scan.addresses.count,
	};

	for (size_t i = 0; i < m.clamd_count; i++) {
		clamds[i].address = set->scan.addresses.spec[i].text;
		clamds[i].up = !clamds_is_set_aside(set->scan.clamds, i);
	}
	return m;
}

/* Has a new daemon put its file where ours was? */
static bool
is_anothers(const struct stats *st, const char *path)
{
	struct stat now;

	return atomic_load(&st->leaving) && stat(path, &now) == 0 &&
	    (now.st_dev != st->dev || now.st_ino != st->ino);
}

/* Is that what the file says anyway? */
static bool
is_told(const struct stats *st, const char *path, const struct strbuf *text)
{
	return strcmp(strbuf_str(&st->path), path) == 0 &&
	    strcmp(strbuf_str(&st->told), strbuf_str(text)) == 0;
}

/* Take over what text holds. */
static void
note_told(struct stats *st, const char *path, struct strbuf *text,
    const struct stat *made)
{
	st->dev = made->st_dev;
	st->ino = made->st_ino;
	strbuf_clear(&st->path);
	strbuf_puts(&st->path, path);
	strbuf_free(&st->told);
	st->told = *text;
	*text = (struct strbuf){0};
}

/* It is to be written, whether or not it would say the same. */
static void
forget_told(struct stats *st)
{
	strbuf_clear(&st->told);
}

static void
write_file(
    struct stats *st, const struct settings *set, const struct metrics *m)
{
	const char *path = set->stats_file;
	struct strbuf text = {0};
	struct stat made;

	metrics_print(m, &text);
	errno = ENOMEM;
	if (is_told(st, path, &text) || is_anothers(st, path))
		;
	else if (!text.failed &&
	    replace_file(path, FILE_MODE, text.data, text.len, &made) == 0)
		note_told(st, path, &text, &made);
	else
		log_rarely(LOG_WARNING,
		    "couldn't write StatsFile: %s: %m (%s: its directory must "
		    "be one that the daemon's user may write to)",
		    path, settings_where(set, "StatsFile"));
	strbuf_free(&text);
}

static void
log_totals(const struct metrics *m)
{
	struct strbuf line = {0};

	metrics_print_totals(m, &line);
	log_info("%s", strbuf_str(&line));
	strbuf_free(&line);
}

static void
tell(struct stats *st, bool totals)
{
	const struct settings *set = settings_current_take(st->current);
	struct metrics_clamd clamds[ADDR_LIST_MAX];
	const struct metrics m = collect(st, set, clamds);

	if (totals)
		log_totals(&m);
	if (set->stats_file[0] != '\0')
		write_file(st, set, &m);
	settings_current_give_back(st->current, set);
}

static void *
run(void *stats)
{
	struct stats *st = stats;

	while (!atomic_load(&st->stopping)) {
		bool asked = signals_await_report(STATS_EVERY_MS);

		if (atomic_load(&st->stopping))
			break;
		if (asked)
			forget_told(st);
		tell(st, asked);
	}
	return NULL;
}

int
stats_start(struct stats *st, struct settings_current *current)
{
	pthread_attr_t attr;
	int rc;

	*st = (struct stats){.current = current, .started = time(NULL)};
	tell(st, false);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&st->thread, &attr, run, st);
	pthread_attr_destroy(&attr);
	errno = rc;
	return rc == 0 ? 0 : -1;
}

void
stats_leave(struct stats *st)
{
	atomic_store(&st->leaving, true);
}

void
stats_stop(struct stats *st)
{
	atomic_store(&st->stopping, true);
	(void)pthread_kill(st->thread, SIGUSR1);
	(void)pthread_join(st->thread, NULL);
	forget_told(st);
	tell(st, false);
	strbuf_free(&st->told);
	strbuf_free(&st->path);
}
