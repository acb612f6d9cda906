/*
 * Content from the client: read to its end and no further.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/receive.h"

#include "tests/unit/party.h"

#define GO "354 Start mail input; end with <CRLF>.<CRLF>\r\n"

static const struct {
	struct party_step steps[4];
	const char *directory;
	enum io io;
	bool failed;
	const char *content; /* when it is there */
	const char *rest; /* what is left for the dialogue */
} cases[] = {
    {{{PARTY_SAY, T("a\r\n..b\r\n.\r\n")}}, "/tmp", IO_OK, false, "a\r\n.b\r\n",
	""},
    {{{PARTY_SAY, T(".\r\n")}}, "/tmp", IO_OK, false, "", ""},
    {{{PARTY_SAY, T("a\r\n.\r")}, {PARTY_SAY, T("\nQUIT\r\n")}}, "/tmp", IO_OK,
	false, "a\r\n", "QUIT\r\n"},
    /* What cannot be kept is read all the same. */
    {{{PARTY_SAY, T("RSET\r\n")}, {PARTY_SAY, T("x\r\n.\r\nNOOP\r\n")}},
	"/nonexistent", IO_OK, true, NULL, "NOOP\r\n"},
    /* There is no end. */
    {{{PARTY_SAY, T("a\r\n")}, {PARTY_LEAVE, T("")}}, "/tmp", IO_EOF, false,
	NULL, ""},
    {{{PARTY_SAY, T("a\r\n")}, {PARTY_CANCEL, T("")}}, "/tmp", IO_CANCELLED,
	false, NULL, ""},
    {{{PARTY_SAY, T("a\r\n.")}}, "/tmp", IO_TIMEOUT, false, NULL, ""},
};

static void
reads_to_the_end_and_no_further(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings set = {
		    .timeout_ms = 60000, .spool_directory = cases[i].directory};
		struct session s = {.set = &set};
		struct content content;
		struct party client;
		const struct addr nobody = {0};
		const char *rest;
		size_t len;
		int fd = party_open(&client, cases[i].steps);

		client_open(&s.client, fd, &nobody, &client.waiter, 60000);
		assert_int_equal(receive_content(&s, &content), cases[i].io);
		assert_int_equal(s.watch.phase, WATCH_RECEIVE);
		assert_int_equal(content.failed, cases[i].failed);
		if (cases[i].content != NULL)
			assert_int_equal(
			    content_size(&content), strlen(cases[i].content));
		rest = conn_peek(&s.client.conn, &len);
		assert_int_equal(len, strlen(cases[i].rest));
		assert_memory_equal(rest, cases[i].rest, len);
		party_listen(&client);
		assert_string_equal(strbuf_str(&client.heard), GO);
		content_close(&content);
		conn_close(&s.client.conn);
		party_close(&client);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_to_the_end_and_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
