/*
 * The program clamsmtpd.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>

#include "common/daemon.h"
#include "common/handover.h"
#include "common/log.h"
#include "common/notify.h"
#include "src/session/relay.h"
#include "src/start/startup.h"

int
main(int argc, char **argv)
{
	struct arguments args;
	struct settings set;
	int status;

	daemon_open_standard();
	log_open("clamsmtpd");
	notify_open();
	handover_open();
	if (settings_init(&set) < 0)
		return EXIT_FAILURE;
	arguments_parse(argc, argv, &args);
	status = startup_run(&set, &args, relay_run);
	settings_free(&set);
	return status;
}
