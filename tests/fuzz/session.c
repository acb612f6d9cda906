/*
 * Fuzz target: a whole session, between a client, a server and a clamd that
 * all speak from one script, the input (session/script.c tells how it reads).
 *
 * The session runs in this thread; every run is the same.  While it runs, what
 * the session says to each is checked against what it was told: see the models
 * of the parties, session/client.c, server.c and clamd.c.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/listener.h"
#include "common/log.h"
#include "src/scan/clamds.h"
#include "src/session/relay.h"
#include "tests/fuzz/session/play.h"

#define SCRIPT_MAX 16384 /* octets of an input */
#define TIMEOUT_MS 30000
#define HEADER "X-Virus-Scanned: by the fuzzer"

struct play play;

/* The same for all runs. */
static struct settings base;
static struct clamds clamds;
static char directory[64]; /* short, for paths of sockets */
static char spool[PATH_MAX];

static int
listen_at(const char *name, const char *option)
{
	char path[PATH_MAX];
	struct addr_spec spec;
	struct listener l;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	CHECK(settings_set(&base, option, path, "fuzz") == 0);
	CHECK(addr_spec_parse(&spec, path, 0) == 0);
	CHECK(listener_open(&l, &spec.addr, NULL) == 0);
	return l.fd;
}

static void
clean_up(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/server", directory);
	(void)unlink(path);
	snprintf(path, sizeof path, "%s/clamd", directory);
	(void)unlink(path);
	(void)rmdir(spool);
	(void)rmdir(directory);
}

static void
set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	/* SESSION_LOG=1 in the environment shows the session's log. */
	(void)signal(SIGPIPE, SIG_IGN); /* as signals_prepare does */
	log_to_console(getenv("SESSION_LOG") == NULL ? -LOG_ERR : 4);
	log_started();
	snprintf(directory, sizeof directory, "%s/clamsmtpd-fuzz.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	CHECK(mkdtemp(directory) != NULL);
	(void)atexit(clean_up);
	snprintf(spool, sizeof spool, "%s/spool", directory);
	CHECK(mkdir(spool, 0700) == 0);
	CHECK(settings_init(&base) == 0);
	CHECK(settings_set(&base, "TempDirectory", spool, "fuzz") == 0);
	CHECK(settings_set(&base, "Header", HEADER, "fuzz") == 0);
	base.spool_directory = base.temp_directory;
	base.timeout_ms = base.scan.timeout_ms = TIMEOUT_MS;
	CHECK(clamds_open(&clamds, &base.scan) == 0);
	base.scan.clamds = &clamds;
	play.server.listener = listen_at("server", "OutAddress");
	play.clamd.listener = listen_at("clamd", "ClamAddress");
	play.client.listener = -1;
	play.client.fd = play.server.fd = play.clamd.fd = -1;
	play.client.passed = play.server.passed = play.clamd.passed = -1;
	CHECK(pipe2(play.stop, O_CLOEXEC | O_NONBLOCK) == 0);
}

/* The spool is empty, but for files that were to be kept: one for each virus. */
static void
check_spool(void)
{
	DIR *d = opendir(spool);
	struct dirent *e;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		CHECK(play.settings.quarantine);
		CHECK(strncmp(e->d_name, "virus.", 6) == 0);
		CHECK(unlinkat(dirfd(d), e->d_name, 0) == 0);
	}
	(void)closedir(d);
}

static void
reset(struct party *p)
{
	party_hang_up(p);
	p->gone = false;
	p->unsent.len = 0;
	if (p->listener >= 0)
		for (int fd; (fd = accept4(p->listener, NULL, NULL, 0)) >= 0;)
			(void)close(fd);
}

static int
lowest_free_fd(void)
{
	int fd = fcntl(play.stop[0], F_DUPFD_CLOEXEC, 0);

	CHECK(fd >= 0);
	(void)close(fd);
	return fd;
}

static void
begin(const uint8_t *data, size_t size)
{
	char octet;

	play.settings = base;
	play.script = (const char *)data;
	play.end = play.script + size;
	play.client_done = false;
	/* So long that nothing which one run has waited for matters to the next. */
	play.now_ms += 1000000;
	play.polls = 0;
	play.volume = 0;
	while (read(play.stop[0], &octet, 1) == 1)
		;
	play.replies = (struct reply_reader){0};
	play.state = SERVER_COMMANDS;
	play.accepted = play.asked = false;
	play.times_shown = 0;
	play.understood = 0;
	play.said.len = 0;
	play.shown.len = play.talk.answer.len = play.names.len = 0;
	play.talk = (struct clamd_talk){.answer = play.talk.answer};
	play.told = 0;
	play.proof_ms = 0;
	play.by_file = play.in_data = play.has_rules = false;
	if (size > 0 && data[0] == 'o')
		script_set_options(play.script + 1, play.end);
}

static void
run(void)
{
	struct workers_client client = {.stop_fd = play.stop[0]};
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		  fds) == 0);
	client.fd = fds[0];
	client.peer.len = sizeof client.peer.u.in;
	client.peer.u.in.sin_family = AF_INET;
	client.peer.u.in.sin_addr.s_addr = htonl(0xc0000207);
	play.client.fd = fds[1];
	play.running = true;
	relay_run(&client, &play.settings);
	party_attend_all();
	play.running = false;
	/* A client that could hear its final reply has heard one. */
	CHECK(!play.in_data || play.client.gone);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	int fd;

	if (size > SCRIPT_MAX)
		return 0;
	if (!ready)
		set_up();
	ready = true;
	begin(data, size);
	fd = lowest_free_fd();
	run();
	reset(&play.client);
	reset(&play.server);
	reset(&play.clamd);
	check_spool();
	rules_free(&play.settings.policy.rules);
	exempt_free(&play.settings.skip);
	CHECK(lowest_free_fd() == fd);
	return 0;
}
