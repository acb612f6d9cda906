/*
 * Who the client is.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/smtp/origin.h"

#include "tests/unit/unit.h"

/* A socket without a name. */
#define LOCAL "/"

static struct addr
make(const char *text)
{
	struct addr a = {0};

	if (*text == '/') {
		a.len = sizeof a.u.sa.sa_family;
		a.u.sa.sa_family = AF_UNIX;
	} else if (*text != '\0')
		assert_int_equal(
		    addr_parse_number(&a, text, strlen(text), 25), 0);
	return a;
}

static void
believes_who_may_speak_for_others(void **state)
{
	static const struct {
		const char *peer, *proxy, *remote, *client;
	} cases[] = {
	    {"192.0.2.7", "", "", "192.0.2.7"},
	    {"127.0.0.1", "", "", "127.0.0.1"},
	    {LOCAL, "", "", ""},
	    /* by XFORWARD */
	    {"127.0.0.1", "", "203.0.113.5", "203.0.113.5"},
	    {"::1", "", "2001:db8::5", "2001:db8::5"},
	    {LOCAL, "", "203.0.113.5", "203.0.113.5"},
	    {"10.1.2.3", "", "203.0.113.5", "203.0.113.5"},
	    {"192.0.2.7", "", "203.0.113.5", "192.0.2.7"},
	    {"127.0.0.1", "", "x.example", "127.0.0.1"},
	    {"127.0.0.1", "", "203.0.113.5 x", "127.0.0.1"},
	    /* by the PROXY protocol */
	    {"127.0.0.1", "192.0.2.7", "", "192.0.2.7"},
	    {LOCAL, "2001:db8::5", "", "2001:db8::5"},
	    /* by both: a stranger behind a balancer is a stranger */
	    {"127.0.0.1", "192.0.2.7", "203.0.113.5", "192.0.2.7"},
	    {"10.1.2.3", "192.0.2.7", "203.0.113.5", "192.0.2.7"},
	    {LOCAL, "192.0.2.7", "203.0.113.5", "192.0.2.7"},
	    {"10.1.2.3", "10.9.9.9", "203.0.113.5", "203.0.113.5"},
	    {"10.1.2.3", "127.0.0.1", "203.0.113.5", "203.0.113.5"},
	    {"", "", "203.0.113.5", ""},
	};
	struct net_list networks = {.count = 1};

	(void)state;
	assert_int_equal(net_parse(&networks.nets[0], "10.0.0.0/8"), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct addr peer = make(cases[i].peer);
		const struct proxy_protocol_header h = {
		    .client = make(cases[i].proxy),
		    .destination = make("192.0.2.1")};
		struct origin o;
		struct addr found;
		char text[ADDR_TEXT_MAX];

		origin_set(&o, &peer);
		if (*cases[i].proxy != '\0')
			origin_take_header(&o, &h);
		found = origin_true_client(&o, &networks, cases[i].remote);
		assert_string_equal(addr_host(&found, text), cases[i].client);
		assert_memory_equal(&o.peer, &peer, sizeof peer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(believes_who_may_speak_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
