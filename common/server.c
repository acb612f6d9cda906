/*
 * The accept loop and its threads.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "common/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sock.h"

#define STACK_SIZE                                                             \
	((size_t)256 << 10) /* octets; a look-up of names needs most */
#define RESTING_MAX 256 /* threads that rest; another one ends at once */
#define REST_S 10 /* seconds a thread waits for its next connection */
#define SHORTAGE_MS 200 /* pause when the system has no descriptor or memory */
#define ACCEPTS_MAX 64 /* between two looks at the signals */
#define COMPLAIN_S 5 /* seconds between two lines about such a shortage */

struct worker {
	struct worker *next; /* in resting or finished */
	pthread_t thread;
	pthread_cond_t called;
	struct server *server;
	struct server_client client;
	bool has_client;
};

struct server {
	const struct server_config *config;
	int stop_pipe[2];
	int spare_fd; /* given up to answer one more client in a shortage */
	unsigned number;
	time_t complained;
	/* The rest is under lock. */
	pthread_mutex_t lock;
	int clients; /* connections being served */
	unsigned resting_count;
	struct worker *resting; /* the latest first, its cache is warm */
	struct worker *finished; /* ended threads to be joined */
	unsigned workers; /* threads neither ended nor joined */
	bool stopping;
	pthread_cond_t ended; /* a worker has put itself into finished */
};

/* Set by the handler, read by the listening thread, which has them blocked
 * everywhere else. */
static volatile sig_atomic_t stop_signal;

static void
on_stop_signal(int signo)
{
	stop_signal = signo;
}

void
server_prepare_signals(void)
{
	struct sigaction act = {.sa_handler = on_stop_signal};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGXFSZ, &act, NULL);
	act.sa_flags = SA_NOCLDWAIT;
	sigaction(SIGCHLD, &act, NULL);
}

static void
unlink_worker(struct worker **list, struct worker *w)
{
	while (*list != w)
		list = &(*list)->next;
	*list = w->next;
}

/*
 * Wait for a connection as a resting thread; false when there was none for
 * REST_S seconds, or the server stops.  Called and left with the lock held.
 */
static bool
rest(struct server *s, struct worker *w)
{
	struct timespec until;
	int rc = 0;

	if (s->resting_count == RESTING_MAX)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += REST_S;
	w->next = s->resting;
	s->resting = w;
	s->resting_count++;
	while (!w->has_client && !s->stopping && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&w->called, &s->lock, &until);
	if (w->has_client)
		return true;
	unlink_worker(&s->resting, w);
	s->resting_count--;
	return false;
}

static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	struct server *s = w->server;

	pthread_mutex_lock(&s->lock);
	while (w->has_client || rest(s, w)) {
		pthread_mutex_unlock(&s->lock);
		s->config->handle(&w->client, s->config->context);
		pthread_mutex_lock(&s->lock);
		w->has_client = false;
		s->clients--;
	}
	w->next = s->finished;
	s->finished = w;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void
worker_free(struct worker *w)
{
	pthread_cond_destroy(&w->called);
	free(w);
}

/*
 * Join ended threads, at most n of them.  Called and left with the lock held,
 * which is given up meanwhile.
 */
static void
join_finished(struct server *s, unsigned n)
{
	for (; n > 0 && s->finished != NULL; n--) {
		struct worker *w = s->finished;

		s->finished = w->next;
		s->workers--;
		/* It has only to leave the lock and return. */
		pthread_mutex_unlock(&s->lock);
		log_debug("cleaning up completed thread");
		pthread_join(w->thread, NULL);
		worker_free(w);
		pthread_mutex_lock(&s->lock);
	}
}

static struct worker *
worker_new(struct server *s)
{
	struct worker *w = calloc(1, sizeof *w);
	pthread_condattr_t attr;

	if (w == NULL)
		return NULL;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->called, &attr);
	pthread_condattr_destroy(&attr);
	w->server = s;
	return w;
}

/* A new thread for a connection.  0, or -1 with errno. */
static int
start_worker(struct server *s, const struct server_client *client)
{
	struct worker *w = worker_new(s);
	pthread_attr_t attr;
	int rc;

	if (w == NULL)
		return -1;
	w->client = *client;
	w->has_client = true;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&w->thread, &attr, worker_run, w);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		worker_free(w);
		errno = rc;
		return -1;
	}
	s->workers++;
	log_debug("created thread for connection");
	return 0;
}

/* Tell a connection that is not served why, and close it.  Never waits. */
static void
turn_away(int fd, const char *reply)
{
	(void)send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	(void)close(fd);
}

/*
 * Give the connection to a thread: a resting one, which is left to be called
 * without the lock, or else a new one.  Called and left with the lock held.
 */
static void
serve(struct server *s, struct server_client *client, struct worker **to_call)
{
	struct worker *w = s->resting;

	*to_call = w;
	if (w != NULL) {
		s->resting = w->next;
		s->resting_count--;
		w->client = *client;
		w->has_client = true;
	} else if (start_worker(s, client) < 0) {
		log_rarely(LOG_ERR, "couldn't create thread: %m");
		turn_away(client->fd, s->config->no_thread);
		return;
	}
	s->clients++;
	s->number++;
}

static void
take_connection(struct server *s, int fd, const struct addr *peer)
{
	struct server_client client = {
	    .fd = fd,
	    .peer = *peer,
	    .number = s->number,
	    .stop_fd = s->stop_pipe[0],
	};
	struct worker *to_call = NULL;
	bool busy;

	pthread_mutex_lock(&s->lock);
	/* Each connection makes one thread at most, so these become fewer. */
	join_finished(s, 2);
	busy = s->clients >= s->config->max_clients;
	if (!busy)
		serve(s, &client, &to_call);
	pthread_mutex_unlock(&s->lock);
	/* It cannot have gone: it has a connection. */
	if (to_call != NULL)
		pthread_cond_signal(&to_call->called);
	if (busy) {
		log_rarely(LOG_ERR,
		    "too many connections open (max %d). sent busy response",
		    s->config->max_clients);
		turn_away(fd, s->config->busy);
	}
}

static void
keep_spare(struct server *s)
{
	if (s->spare_fd < 0)
		s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * The system has no descriptor or memory for one more connection: tell that to
 * the client by means of the spare descriptor, and give others time to end.
 */
static void
endure_shortage(struct server *s, int error)
{
	struct timespec pause = {.tv_nsec = SHORTAGE_MS * 1000000L}, now;
	struct addr peer;
	sigset_t none;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (s->complained == 0 || now.tv_sec - s->complained >= COMPLAIN_S) {
		errno = error;
		log_error("couldn't accept a connection: %m");
		s->complained = now.tv_sec;
	}
	if (s->spare_fd >= 0) {
		(void)close(s->spare_fd);
		fd = sock_accept(s->config->listener, &peer);
		if (fd >= 0)
			turn_away(fd, s->config->busy);
		s->spare_fd = -1;
	}
	sigemptyset(&none);
	(void)ppoll(NULL, 0, &pause, &none); /* a stop ends it */
}

/* Has only that one connection failed?  Source: accept(2), accept4(2). */
static bool
is_fault_of_one(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
		return true;
	default:
		return false;
	}
}

/* accept(2) asks for a descriptor before it looks for a connection. */
static bool
is_waited_for(const struct server *s)
{
	struct pollfd p = {.fd = s->config->listener, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Take the connections that wait, but not for ever. */
static void
accept_waiting(struct server *s)
{
	struct addr peer;
	int error, fd;

	keep_spare(s);
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		fd = sock_accept(s->config->listener, &peer);
		if (fd >= 0)
			take_connection(s, fd, &peer);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (!is_fault_of_one(errno)) {
			error = errno;
			if (is_waited_for(s))
				endure_shortage(s, error);
			return;
		}
	}
}

static void
listen_until_stopped(struct server *s)
{
	struct pollfd p = {.fd = s->config->listener, .events = POLLIN};
	const struct timespec no_time = {0};
	sigset_t none;

	sigemptyset(&none);
	while (stop_signal == 0) {
		if (ppoll(&p, 1, NULL, &none) <= 0)
			continue;
		accept_waiting(s);
		/* While connections keep coming, ppoll(2) finds them ready
		 * and lets no signal in; this one does. */
		(void)ppoll(NULL, 0, &no_time, &none);
	}
}

static void
stop_workers(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	/* All pollers of the read end see its end at once. */
	(void)close(s->stop_pipe[1]);
	for (struct worker *w = s->resting; w != NULL; w = w->next)
		pthread_cond_signal(&w->called);
	for (;;) {
		join_finished(s, UINT_MAX);
		if (s->workers == 0)
			break;
		if (s->finished == NULL)
			pthread_cond_wait(&s->ended, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
}

int
server_run(const struct server_config *config)
{
	struct server s = {.config = config};

	if (pipe2(s.stop_pipe, O_CLOEXEC) < 0)
		return -1;
	s.spare_fd = -1;
	keep_spare(&s);
	pthread_mutex_init(&s.lock, NULL);
	pthread_cond_init(&s.ended, NULL);
	log_debug("accepting connections");
	config->ready();
	listen_until_stopped(&s);
	/* A client that would wait in vain comes again, or to a new daemon. */
	sock_unlisten(config->listener);
	log_debug("waiting for threads to quit");
	stop_workers(&s);
	(void)close(s.stop_pipe[0]);
	if (s.spare_fd >= 0)
		(void)close(s.spare_fd);
	pthread_cond_destroy(&s.ended);
	pthread_mutex_destroy(&s.lock);
	return 0;
}
