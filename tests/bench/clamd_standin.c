/*
 * SPDX-License-Identifier: BSD-3-Clause
 * Copyright the clamsmtpd contributors
 *
 * A stand-in for clamd whose cost is known.  It understands SCAN with a path
 * and INSTREAM in clamd's three framings (bare, n and z), reads every octet it
 * is given, finds nothing, and spends the rest of COST microseconds of
 * processor time before it answers OK.
 *
 *     clamd_standin UNIX-SOCKET COST-IN-MICROSECONDS
 *
 * The port it listens on at 127.0.0.1 is printed on standard output once both
 * sockets accept connections.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    WORKERS = 16, /* per socket; what comes on top waits in the backlog */
    STACK_SIZE = 512 * 1024,
    BUFFER_SIZE = 256 * 1024,
};

struct input {
    int fd;
    size_t at, end;
    char data[BUFFER_SIZE];
};

static int64_t cost_ns;

static int64_t thread_cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Replaces what is left in the buffer; false at the end or on an error. */
static bool refill(struct input *in)
{
    ssize_t n;

    do
        n = read(in->fd, in->data, sizeof in->data);
    while (n < 0 && errno == EINTR);
    in->at = 0;
    in->end = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool next_octet(struct input *in, char *octet)
{
    if (in->at == in->end && !refill(in))
        return false;
    *octet = in->data[in->at++];
    return true;
}

/* Reads one command without its end, and tells which end its reply takes. */
static bool read_command(struct input *in, char *command, size_t size, char *end)
{
    size_t len = 0;
    char octet;

    *end = '\n';
    while (next_octet(in, &octet)) {
        if (len == 0 && octet == 'z' && *end == '\n') {
            *end = '\0';
        } else if (octet == *end) {
            command[len] = '\0';
            if (command[0] == 'n')
                memmove(command, command + 1, len);
            return true;
        } else if (len + 1 < size) {
            command[len++] = octet;
        } else {
            return false;
        }
    }
    return false;
}

static bool skip_stream(struct input *in)
{
    for (;;) {
        uint32_t left = 0;
        char octet;

        for (int i = 0; i < 4; i++) {
            if (!next_octet(in, &octet))
                return false;
            left = left << 8 | (unsigned char)octet;
        }
        if (left == 0)
            return true;
        while (left > 0) {
            size_t have;

            if (in->at == in->end && !refill(in))
                return false;
            have = in->end - in->at;
            if (have > left)
                have = left;
            in->at += have;
            left -= (uint32_t)have;
        }
    }
}

static bool read_file(struct input *in, const char *path)
{
    int client = in->fd;

    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) {
        warn("%s", path);
        in->fd = client;
        return false;
    }
    while (refill(in))
        ;
    close(in->fd);
    in->fd = client;
    return true;
}

static void serve(struct input *in, int64_t began_ns)
{
    char command[4200], reply[4300];
    const char *subject = "stream";
    char end;
    int len;

    in->at = in->end = 0;
    if (!read_command(in, command, sizeof command, &end))
        return;
    if (strcmp(command, "PING") == 0) {
        len = snprintf(reply, sizeof reply, "PONG%c", end);
        (void)!write(in->fd, reply, (size_t)len);
        return;
    }
    if (strncmp(command, "SCAN ", 5) == 0) {
        subject = command + 5;
        if (!read_file(in, subject))
            return;
    } else if (strcmp(command, "INSTREAM") != 0 || !skip_stream(in)) {
        return;
    }
    len = snprintf(reply, sizeof reply, "%s: OK%c", subject, end);
    while (thread_cpu_ns() - began_ns < cost_ns)
        ;
    (void)!write(in->fd, reply, (size_t)len);
}

static void *work(void *listener)
{
    struct input *in = malloc(sizeof *in);

    if (in == NULL)
        err(1, "malloc");
    for (;;) {
        in->fd = accept4(*(int *)listener, NULL, NULL, SOCK_CLOEXEC);
        if (in->fd < 0)
            continue;
        serve(in, thread_cpu_ns());
        close(in->fd);
    }
    return NULL;
}

static void start_workers(int *listener)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    for (int i = 0; i < WORKERS; i++)
        if ((errno = pthread_create(&thread, &attr, work, listener)) != 0)
            err(1, "pthread_create");
    pthread_attr_destroy(&attr);
}

static int listen_at(int family, const void *addr, socklen_t len)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, addr, len) != 0 || listen(fd, SOMAXCONN) != 0)
        err(1, "cannot listen");
    return fd;
}

int main(int argc, char **argv)
{
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    struct sockaddr_in inet = { .sin_family = AF_INET };
    socklen_t len = sizeof inet;
    int listener[2];

    if (argc != 3 || strlen(argv[1]) >= sizeof local.sun_path)
        errx(2, "usage: clamd_standin UNIX-SOCKET COST-IN-MICROSECONDS");
    memcpy(local.sun_path, argv[1], strlen(argv[1]) + 1);
    cost_ns = atoll(argv[2]) * 1000;
    inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signal(SIGPIPE, SIG_IGN);

    unlink(argv[1]);
    listener[0] = listen_at(AF_UNIX, &local, sizeof local);
    listener[1] = listen_at(AF_INET, &inet, sizeof inet);
    start_workers(&listener[0]);
    start_workers(&listener[1]);
    if (getsockname(listener[1], (struct sockaddr *)&inet, &len) != 0)
        err(1, "getsockname");
    printf("%d\n", ntohs(inet.sin_port));
    fflush(stdout);
    for (;;)
        pause();
}
