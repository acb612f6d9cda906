/*
 * What is done about a virus beside the message's fate.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "src/session/infection.h"

#include <errno.h>

#include "common/log.h"
#include "src/mail/counters.h"
#include "src/mail/hook.h"

int
infection_keep(const struct content *content, struct strbuf *path)
{
	if (content_quarantine(content, path) == 0) {
		log_info("quarantined virus file as: %s", strbuf_str(path));
		return 0;
	}
	log_error("couldn't quarantine virus file: %m");
	strbuf_free(path);
	return -1;
}

static void
tell_failure(int error)
{
	errno = error;
	log_error("couldn't fork for virus action: %m"); /* 1.10's words */
	counters_add_failed_hook();
}

void
infection_tell(
    struct session *s, const struct strbuf *virus, const struct strbuf *copy)
{
	struct strbuf sender = {0}, recipients = {0};
	struct hook_facts facts = {
	    .client = s->client.ip,
	    .upstream = s->upstream.ip,
	    .virus = strbuf_str(virus),
	    .tmpdir = s->set->temp_directory,
	    .email = strbuf_str(copy),
	    .remote = strbuf_str(&s->envelope.remote),
	    .remote_helo = strbuf_str(&s->envelope.remote_helo),
	};

	envelope_get_sender(&s->envelope, &sender);
	envelope_get_recipients(&s->envelope, &recipients);
	facts.sender = strbuf_str(&sender);
	facts.recipients = strbuf_str(&recipients);
	log_debug("executing virus action: %s", s->set->virus_action);
	if (sender.failed || recipients.failed || virus->failed ||
	    envelope_has_failed(&s->envelope))
		tell_failure(ENOMEM);
	else if (hook_run(s->set->virus_action, &facts, &s->virus_action,
		     &s->watch.waiter) < 0)
		tell_failure(errno);
	strbuf_free(&sender);
	strbuf_free(&recipients);
}
