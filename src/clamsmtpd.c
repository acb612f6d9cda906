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
#include "src/start/check.h"
#include "src/start/selftest.h"
#include "src/start/startup.h"

int
main(int argc, char **argv)
{
	struct arguments args;
	struct settings set;
	int status = EXIT_FAILURE;

	daemon_open_standard();
	log_open("clamsmtpd");
	notify_open();
	handover_open();
	if (settings_init(&set) < 0)
		return EXIT_FAILURE;
	arguments_parse(argc, argv, &args);
	switch (args.purpose) {
	case ARGUMENTS_SERVE:
		status = startup_run(&set, &args, relay_run);
		break;
	case ARGUMENTS_CHECK:
		status = check_run(&set, &args);
		break;
	case ARGUMENTS_TEST:
		status = selftest_run(&set, &args);
		break;
	}
	settings_free(&set);
	return status;
}
