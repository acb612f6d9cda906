/*
 * The virus actions that run.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/hook_jobs.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#include "common/log.h"
#include "src/mail/counters.h"

#define STACK_SIZE ((size_t)128 << 10) /* octets; a log line needs most */

struct job {
	unsigned long number; /* 0: free */
	pid_t pid;
};

/* All under lock. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t started;
	struct job jobs[HOOK_JOBS_MAX];
	unsigned running;
	unsigned long number; /* the last one */
	bool has_reaper;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER,
    .started = PTHREAD_COND_INITIALIZER};

static struct job *
find(unsigned long number)
{
	for (struct job *j = table.jobs; j < table.jobs + HOOK_JOBS_MAX; j++)
		if (j->number == number)
			return j;
	return NULL;
}

static void
note_end(int status)
{
	if (status == 0)
		return;
	counters_add_failed_hook();
	if (WIFSIGNALED(status))
		log_rarely(LOG_WARNING, "virus action ended by signal %d",
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127)
		/* The shell's own; POSIX.1-2017, XCU 2.8.2 */
		log_rarely(LOG_WARNING,
		    "virus action could not be executed (exit status %d)",
		    WEXITSTATUS(status));
	else
		log_rarely(LOG_WARNING,
		    "virus action ended with exit status %d",
		    WEXITSTATUS(status));
}

/* The child pid has ended; -1: there is none any more.  Under the lock. */
static void
forget(pid_t pid)
{
	for (struct job *j = table.jobs; j < table.jobs + HOOK_JOBS_MAX; j++)
		if (j->number != 0 && (pid < 0 || j->pid == pid)) {
			j->number = 0;
			table.running--;
		}
}

static void *
reap(void *arg)
{
	pid_t pid;
	int status;

	(void)arg;
	for (;;) {
		pthread_mutex_lock(&table.lock);
		while (table.running == 0)
			pthread_cond_wait(&table.started, &table.lock);
		pthread_mutex_unlock(&table.lock);
		pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno != ECHILD)
			continue;
		pthread_mutex_lock(&table.lock);
		forget(pid);
		pthread_mutex_unlock(&table.lock);
		if (pid > 0)
			note_end(status);
	}
	return NULL;
}

/* Under the lock.  Returns 0, or -1 with errno. */
static int
start_reaper(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (table.has_reaper)
		return 0;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(&thread, &attr, reap, NULL);
	pthread_attr_destroy(&attr);
	table.has_reaper = errno == 0;
	return table.has_reaper ? 0 : -1;
}

/* Under the lock, so that no end is seen of what is not in the table yet. */
static int
start_job(struct job *j, int (*start)(void *context, pid_t *pid), void *context)
{
	if (j == NULL) {
		errno = EBUSY;
		return -1;
	}
	if (start_reaper() < 0 || start(context, &j->pid) < 0)
		return -1;
	j->number = ++table.number;
	table.running++;
	pthread_cond_signal(&table.started);
	return 0;
}

int
hook_jobs_start(
    int (*start)(void *context, pid_t *pid), void *context, unsigned long *job)
{
	struct job *j;
	int rc;

	pthread_mutex_lock(&table.lock);
	j = find(0);
	rc = start_job(j, start, context);
	if (rc == 0)
		*job = j->number;
	pthread_mutex_unlock(&table.lock);
	return rc;
}

bool
hook_jobs_is_running(unsigned long job)
{
	bool running;

	pthread_mutex_lock(&table.lock);
	running = job != 0 && find(job) != NULL;
	pthread_mutex_unlock(&table.lock);
	return running;
}
