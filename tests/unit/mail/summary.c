/*
 * The summary line.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/mail/summary.h"

#include "common/strutil.h"
#include "tests/unit/unit.h"

static const struct summary_facts nothing;

/* With nothing known, the size is all that stands behind it. */
static void
expect_old_part(const struct strbuf *line, const char *want)
{
	char text[1024];

	snprintf(
	    text, sizeof text, "%s%ssize=0", want, *want == '\0' ? "" : ", ");
	assert_string_equal(strbuf_str(line), text);
}

static void
add_sender(struct envelope *e, const char *arg)
{
	envelope_add_sender(e, arg, strlen(arg));
}

static void
add_recipient(struct envelope *e, const char *arg)
{
	envelope_add_recipient(e, arg, strlen(arg));
}

struct summary_case {
	const char *sender; /* NULL: no MAIL */
	const char *recipients[4];
	enum summary_status status;
	const char *detail;
	const char *summary;
};

static const struct summary_case summary_cases[] = {
    {"a@b", {"c@d"}, SUMMARY_CLEAN, NULL, "from=a@b, to=c@d, status=CLEAN"},
    {"a@b", {"c@d", "e@f"}, SUMMARY_VIRUS, "X",
	"from=a@b, to=c@d, to=e@f, status=VIRUS:X"},
    {"", {"c@d"}, SUMMARY_CLEAN, NULL, "from=<>, to=c@d, status=CLEAN"},
    {"a@b", {"c@d"}, SUMMARY_NONE, NULL, "from=a@b, to=c@d"},
    {NULL, {NULL}, SUMMARY_CLEAN, NULL, "status=CLEAN"},
    {NULL, {NULL}, SUMMARY_NONE, NULL, ""},
    {NULL, {"c@d"}, SUMMARY_CLEAN, NULL, "to=c@d, status=CLEAN"},
    {"a@b", {NULL}, SUMMARY_NONE, NULL, "from=a@b"},
    {"a@b", {"c@d"}, SUMMARY_VIRUS, "", "from=a@b, to=c@d, status=VIRUS:"},
    {"a@b", {"c@d"}, SUMMARY_OVERSIZE, NULL,
	"from=a@b, to=c@d, status=OVERSIZE"},
    {"a@b", {"c@d"}, SUMMARY_UPSTREAM_REFUSED, "554 no",
	"from=a@b, to=c@d, status=SERVER-REFUSED, reply=554 no"},
    {"a@b", {"c@d"}, SUMMARY_UPSTREAM_REFUSED, "550 no, sorry",
	"from=a@b, to=c@d, status=SERVER-REFUSED, reply=550 no, sorry"},
    {"a@b", {"c@d"}, SUMMARY_UPSTREAM_REFUSED, "550 no, size=1, Queue=, =",
	"from=a@b, to=c@d, status=SERVER-REFUSED, "
	"reply=550 no,?size=1,?Queue=, ="},
    {"a@b", {"c@d"}, SUMMARY_VIRUS, "X, action=forwarded",
	"from=a@b, to=c@d, status=VIRUS:X,?action=forwarded"},
    /* An address never looks like the next part. */
    {"a, to=x, status=CLEAN", {"b, status=CLEAN"}, SUMMARY_VIRUS, NULL,
	"from=a,?to=x,?status=CLEAN, to=b,?status=CLEAN, status=VIRUS"},
    {", ", {",  x", " , "}, SUMMARY_NONE, NULL, "from=,?, to=,? x, to= ,?"},
};

static void
put_case(struct envelope *e, const struct summary_case *c)
{
	char arg[256];

	if (c->sender != NULL) {
		snprintf(arg, sizeof arg, "FROM:<%s>", c->sender);
		add_sender(e, arg);
	}
	for (size_t i = 0; i < 4 && c->recipients[i] != NULL; i++) {
		snprintf(arg, sizeof arg, "TO:<%s>", c->recipients[i]);
		add_recipient(e, arg);
	}
}

static void
writes_summaries(void **state)
{
	struct strbuf out = {0};

	(void)state;
	strbuf_puts(&out, "what was there");
	for (size_t i = 0; i < COUNT(summary_cases); i++) {
		struct envelope e = {0};
		struct summary s = {0};

		put_case(&e, &summary_cases[i]);
		summary_note(
		    &s, summary_cases[i].status, summary_cases[i].detail);
		summary_line(&s, &nothing, &e, &out);
		summary_free(&s);
		expect_old_part(&out, summary_cases[i].summary);
		envelope_clear(&e);
	}
	strbuf_free(&out);
}

static bool
ends_with(const struct strbuf *b, const char *end)
{
	size_t n = strlen(end);

	return b->len >= n && memcmp(b->data + b->len - n, end, n) == 0;
}

/* Whatever is long: the line is not, and the status is there. */
static void
summaries_keep_the_status(void **state)
{
	uint64_t seed = 767;
	struct summary clean = {0};
	struct strbuf out = {0};

	(void)state;
	summary_note(&clean, SUMMARY_CLEAN, NULL);
	for (int round = 0; round < 5000; round++) {
		struct envelope e = {0};
		char arg[2000];
		size_t recipients = random_below(&seed, 40), n;

		memset(arg, 'x', sizeof arg);
		memcpy(arg, "FROM:<", 6);
		n = 7 + random_below(&seed, sizeof arg - 10);
		envelope_add_sender(&e, arg, round % 2 == 0 ? n : 30);
		memcpy(arg, "TO:", 3);
		while (recipients-- > 0)
			envelope_add_recipient(
			    &e, arg, 3 + random_below(&seed, 100));
		summary_line(&clean, &nothing, &e, &out);
		assert_true(out.len <= SUMMARY_MAX + strlen(", size=0"));
		assert_true(ends_with(&out, ", status=CLEAN, size=0"));
		assert_memory_equal(out.data, "from=", 5);
		envelope_clear(&e);
	}
	summary_free(&clean);
	strbuf_free(&out);
}

static void
summaries_tell_what_is_left_out(void **state)
{
	struct envelope e = {0};
	struct summary clean = {0};
	struct strbuf out = {0};
	char arg[64];

	(void)state;
	summary_note(&clean, SUMMARY_CLEAN, NULL);
	add_sender(&e, "FROM:<s>");
	for (int i = 0; i < 100; i++) {
		snprintf(arg, sizeof arg, "TO:<recipient%04d@example.org>", i);
		add_recipient(&e, arg);
	}
	summary_line(&clean, &nothing, &e, &out);
	assert_true(out.len <= SUMMARY_MAX + strlen(", size=0"));
	assert_true(out.len > SUMMARY_MAX - 64);
	assert_true(ends_with(&out, ", to=..., status=CLEAN, size=0"));
	assert_memory_equal(out.data,
	    "from=s, to=recipient0000@example.org, to=recipient0001", 54);
	envelope_clear(&e);
	summary_free(&clean);
	strbuf_free(&out);
}

static void
long_virus_names_leave_room(void **state)
{
	struct envelope e = {0};
	struct strbuf out = {0};
	struct summary s = {0};
	char name[3000];

	(void)state;
	add_sender(&e, "FROM:<s@t>");
	add_recipient(&e, "TO:<u@v>");
	memset(name, 'v', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	summary_note(&s, SUMMARY_VIRUS, name);
	summary_line(&s, &nothing, &e, &out);
	summary_free(&s);
	assert_true(out.len <= SUMMARY_MAX + strlen(", size=0"));
	assert_memory_equal(out.data, "from=s@t, to=u@v, status=VIRUS:vvv", 34);
	envelope_clear(&e);
	strbuf_free(&out);
}

static void
a_virus_or_a_limit_stays_what_is_told(void **state)
{
	struct envelope e = {0};
	struct summary s = {0};
	struct strbuf out = {0};

	(void)state;
	summary_note(&s, SUMMARY_CLEAN, NULL);
	summary_note(&s, SUMMARY_UPSTREAM_ERROR, NULL);
	summary_line(&s, &nothing, &e, &out);
	expect_old_part(&out, "status=SERVER-ERROR");
	summary_note(&s, SUMMARY_VIRUS, "X");
	summary_note(&s, SUMMARY_UPSTREAM_REFUSED, "554 no");
	summary_line(&s, &nothing, &e, &out);
	expect_old_part(&out, "status=VIRUS:X");
	summary_free(&s);
	summary_note(&s, SUMMARY_UNSCANNED, NULL);
	summary_line(&s, &nothing, &e, &out);
	expect_old_part(&out, "status=UNSCANNED");
	summary_note(&s, SUMMARY_OVERSIZE, NULL);
	summary_note(&s, SUMMARY_UPSTREAM_REFUSED, "554 no");
	summary_note(&s, SUMMARY_CLIENT_GONE, NULL);
	summary_line(&s, &nothing, &e, &out);
	expect_old_part(&out, "status=OVERSIZE");
	summary_free(&s);
	strbuf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_summaries),
	    cmocka_unit_test(summaries_keep_the_status),
	    cmocka_unit_test(summaries_tell_what_is_left_out),
	    cmocka_unit_test(long_virus_names_leave_room),
	    cmocka_unit_test(a_virus_or_a_limit_stays_what_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
