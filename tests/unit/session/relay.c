/*
 * A session from its beginning to its end: it ends once, with one last word.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/relay.h"

#include <errno.h>
#include <fcntl.h>

#include "tests/unit/session/stage.h"

#define HELLO "220 smtp.passthru\r\n"
#define GONE "421 The mail server closed the connection\r\n"

static int refusals; /* connections that are still to be refused */

int __wrap_sock_connect(
    const struct addr *a, struct waiter *waiter, struct deadline d);

/* The linker puts this in the place of sock_connect. */
int
__wrap_sock_connect(
    const struct addr *a, struct waiter *waiter, struct deadline d)
{
	(void)a, (void)waiter, (void)d;
	if (refusals-- > 0) {
		errno = ECONNREFUSED;
		return -1;
	}
	party_close(&stage.server);
	return party_open(&stage.server, NULL);
}

static const struct {
	const char *title;
	const char *script[7];
	int refusals;
	const char *told; /* the client */
	const char *asked; /* the server, the last of two */
} cases[] = {
    {"a dialogue", {"S 220 x", "C NOOP", "S 250 ok", "C QUIT", "S 221 x"}, 0,
	HELLO "250 ok\r\n221 x\r\n", "NOOP\r\nQUIT\r\n"},
    {"no server", {NULL}, 2,
	"421 Cannot reach the mail server, try again later\r\n", ""},
    {"the second server", {"S 220 x", "C QUIT", "S 221 x"}, 1,
	HELLO "221 x\r\n", "QUIT\r\n"},
    {"turned away by the first", {"S 421 x", "S 220 y", "C QUIT", "S 221 x"}, 0,
	HELLO "221 x\r\n", "QUIT\r\n"},
    {"turned away by both", {"S 421 x", "S 421 y"}, 0, "421 y\r\n", ""},
    {"both go", {"S!", "S!"}, 0, GONE, ""},
    {"the server goes", {"S 220 x", "C NOOP", "S!"}, 0, HELLO GONE, "NOOP\r\n"},
    {"it says goodbye", {"S 220 x", "S 421 x"}, 0, HELLO "421 x\r\n", ""},
    {"it makes no sense", {"S 220 x", "C NOOP", "S 354 x"}, 0,
	HELLO "421 The mail server cannot be understood\r\n", "NOOP\r\n"},
    {"it is silent", {"S 220 x", "C NOOP"}, 0,
	HELLO "421 Timed out, closing connection\r\n", "NOOP\r\nQUIT\r\n"},
    {"the client is silent", {"S 220 x"}, 0,
	HELLO "421 Timed out, closing connection\r\n", "QUIT\r\n"},
    {"it goes", {"S 220 x", "C!"}, 0, NULL, "QUIT\r\n"},
    {"it closes its side", {"S 220 x", "C NOOP", "C-", "S 250 ok"}, 0,
	HELLO "250 ok\r\n", "NOOP\r\nQUIT\r\n"},
    {"it is out of step", {"S 220 x", "C NOOP\r\nNOOP"}, 0,
	HELLO "554 Command out of step, closing connection\r\n", "QUIT\r\n"},
    {"a stop", {"S 220 x", "STOP"}, 0,
	HELLO "421 Shutting down, try again later\r\n", "QUIT\r\n"},
    {"a chunk of no size", {"S 220 x", "C BDAT x"}, 0,
	HELLO "502 Command not implemented\r\n"
	      "421 BDAT without a valid size, closing connection\r\n",
	"QUIT\r\n"},
};

static void
ends_once(void **state)
{
	static struct settings set;

	(void)state;
	set.timeout_ms = 60000;
	set.out_addresses.count = 2;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    addr_spec_parse(&set.out_addresses.spec[i],
			i == 0 ? "192.0.2.1:25" : "192.0.2.2:25", 0),
		    0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int fd = stage_open(cases[i].script);
		struct workers_client client = {
		    .fd = fd, .stop_fd = stage.stop[0]};

		refusals = cases[i].refusals;
		relay_run(&client, &set);
		assert_null(*stage.next);
		if (cases[i].told != NULL)
			stage_expect(
			    cases[i].title, &stage.client, cases[i].told);
		stage_expect(cases[i].title, &stage.server, cases[i].asked);
		/* Nothing of it is left open. */
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		stage_close();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
