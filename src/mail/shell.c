/*
 * The shell.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/signals.h"

/* Octets of which a plain word is made: nothing that a shell takes apart. */
#define PLAIN                                                                  \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-="
#define WORD_MAX 255

extern char **environ;

static int
set_up(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr)
{
	sigset_t none, standard;
	int rc;

	sigemptyset(&none);
	signals_changed(&standard);
	rc = posix_spawn_file_actions_addopen(
	    files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(
		    files, 1, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, 1, 2);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &standard);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
		    attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

/* posix_spawn(3) is safe among threads, where fork(2) and setenv(3) are not. */
static int
spawn(pid_t *pid, const char *const *argv, char *const *env)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	rc = set_up(&files, &attr);
	if (rc == 0) /* argv is not written to: execve(2), POSIX rationale */
		rc = posix_spawn(pid, "/bin/sh", &files, &attr,
		    (char *const *)(uintptr_t)argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	errno = rc;
	return rc == 0 ? 0 : -1;
}

int
shell_start(pid_t *pid, const char *command, char *const *env)
{
	const char *const argv[] = {"sh", "-c", command, NULL};

	return spawn(pid, argv, env);
}

/* Does the shell end with success?  Also when that cannot be known. */
static bool
agrees(const char *const *argv)
{
	pid_t pid;
	int status;

	if (spawn(&pid, argv, environ) < 0)
		return true;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return true;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/*
 * The word that names the program, behind assignments; false when only the
 * shell can tell what it is.
 */
static bool
find_program(const char *command, char word[WORD_MAX + 1])
{
	size_t n;

	for (;;) {
		command += strspn(command, " \t\r\n");
		n = strspn(command, PLAIN);
		if (n == 0 || n > WORD_MAX ||
		    strchr(" \t\r\n;&|<>", command[n]) == NULL)
			return false;
		memcpy(word, command, n);
		word[n] = '\0';
		if (strchr(word, '=') == NULL)
			return true;
		command += n;
	}
}

const char *
shell_fault(const char *command)
{
	const char *const parse[] = {"sh", "-n", "-c", command, NULL};
	char word[WORD_MAX + 1];
	const char *const find[] = {
	    "sh", "-c", "command -v \"$0\"", word, NULL};
	struct stat st;

	if (!agrees(parse))
		return "the shell cannot parse it";
	if (!find_program(command, word))
		return NULL;
	if (strchr(word, '/') == NULL)
		return agrees(find) ? NULL : "there is no such program";
	if (stat(word, &st) < 0 || S_ISDIR(st.st_mode))
		return "there is no such program";
	if (access(word, X_OK) < 0)
		return "the daemon's user may not execute it";
	return NULL;
}
