# SPDX-License-Identifier: BSD-3-Clause
#
# The tests: included by Makefile.am, so all paths are from the top.
#
#   make check   unit tests, the seeds of the fuzzers, style, end-to-end
#   make fuzz    each fuzzer for FUZZ_SECONDS (configure --enable-fuzzing)

FUZZ_SECONDS = 60

TEST_EXTENSIONS = .t .replay .sh
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
	CLAMSMTPD='$(abs_top_builddir)/src/clamsmtpd'; export CLAMSMTPD;

TESTS = $(check_PROGRAMS) $(style_tests) tests/e2e/run.sh
check_PROGRAMS = $(unit_tests) $(replay_programs)

# A test's own words are in its log only.
check-local:
if !HAVE_CMOCKA
	@echo 'skipped: tests/unit: configure has not found cmocka (Debian: libcmocka-dev)'
endif
	@$(SHELL) $(srcdir)/tests/e2e/run.sh --can || test $$? -eq 77

# ---- unit tests: tests/unit/WING/X.t of X.c

if HAVE_CMOCKA
unit_tests = \
	tests/unit/scan/clamd.t \
	tests/unit/common/daemon.t \
	tests/unit/scan/exempt.t \
	tests/unit/scan/policy.t \
	tests/unit/scan/rules.t \
	tests/unit/scan/scanner.t \
	tests/unit/common/addr.t \
	tests/unit/common/addr_ours.t \
	tests/unit/common/addr_spec.t \
	tests/unit/common/cfgfile.t \
	tests/unit/common/conn.t \
	tests/unit/common/conn_out.t \
	tests/unit/common/deadline.t \
	tests/unit/session/client.t \
	tests/unit/session/forward.t \
	tests/unit/session/hello.t \
	tests/unit/session/infection.t \
	tests/unit/session/introduction.t \
	tests/unit/session/receive.t \
	tests/unit/common/replace.t \
	tests/unit/common/server.t \
	tests/unit/common/signals.t \
	tests/unit/common/sock.t \
	tests/unit/mail/spool_dir.t \
	tests/unit/common/user.t \
	tests/unit/session/relay.t \
	tests/unit/session/transaction.t \
	tests/unit/session/turn.t \
	tests/unit/session/upstream.t \
	tests/unit/session/verbs.t \
	tests/unit/session/watch.t \
	tests/unit/common/log.t \
	tests/unit/common/log_queue.t \
	tests/unit/common/listener.t \
	tests/unit/common/net.t \
	tests/unit/common/pidfile.t \
	tests/unit/common/proxy_protocol.t \
	tests/unit/smtp/answers.t \
	tests/unit/smtp/attributes.t \
	tests/unit/common/redirect.t \
	tests/unit/common/resolver.t \
	tests/unit/smtp/dotstuff.t \
	tests/unit/smtp/envelope.t \
	tests/unit/smtp/esmtp.t \
	tests/unit/mail/content.t \
	tests/unit/mail/header.t \
	tests/unit/mail/header_id.t \
	tests/unit/mail/header_line.t \
	tests/unit/mail/hook.t \
	tests/unit/mail/shell.t \
	tests/unit/smtp/origin.t \
	tests/unit/smtp/path.t \
	tests/unit/smtp/pending.t \
	tests/unit/config/option.t \
	tests/unit/config/settings.t \
	tests/unit/config/settings_current.t \
	tests/unit/config/settings_load.t \
	tests/unit/smtp/queue_id.t \
	tests/unit/smtp/secrets.t \
	tests/unit/smtp/smtp_command.t \
	tests/unit/smtp/smtp_reply.t \
	tests/unit/smtp/xclient.t \
	tests/unit/mail/spool.t \
	tests/unit/mail/stamp.t \
	tests/unit/mail/summary.t \
	tests/unit/mail/summary_facts.t \
	tests/unit/common/strbuf.t \
	tests/unit/common/strutil.t \
	tests/unit/scan/verdict.t \
	tests/unit/start/metrics.t \
	tests/unit/start/neighbours.t \
	tests/unit/start/ways.t \
	tests/unit/common/workers.t
cmocka_lib = -lcmocka
else
unit_tests =
cmocka_lib =
endif

# All tests link the real objects; one source file, X.c, is the default.
LDADD = src/libsmtpd.a common/libcommon.a $(cmocka_lib)

# A clock, and a file system without O_TMPFILE, that are made by hand.
tests_unit_common_conn_out_t_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_gettime -Wl,--wrap=sendfile
tests_unit_common_log_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime
# Answers about names are played, and the clock.
tests_unit_common_resolver_t_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=getaddrinfo -Wl,--wrap=freeaddrinfo -Wl,--wrap=clock_gettime
tests_unit_mail_spool_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=open
# clamd's end of a connection is played.
tests_unit_scan_clamd_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sock_connect
# Time, and both parties of a session.
tests_unit_session_relay_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll \
	-Wl,--wrap=clock_gettime -Wl,--wrap=sock_connect
tests_unit_session_watch_t_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll \
	-Wl,--wrap=clock_gettime
# What comes of a talk with clamd is played, the clock, and what is left to read.
tests_unit_scan_scanner_t_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clamd_scan -Wl,--wrap=clock_gettime \
	-Wl,--wrap=content_is_readable -Wl,--wrap=content_is_whole

# ---- fuzzers: X.replay runs the seeds in corpus/X, X.fuzz makes new ones

replay_programs = \
	tests/fuzz/addr.replay \
	tests/fuzz/command.replay \
	tests/fuzz/config.replay \
	tests/fuzz/dots.replay \
	tests/fuzz/ehlo.replay \
	tests/fuzz/header.replay \
	tests/fuzz/proxy.replay \
	tests/fuzz/reply.replay \
	tests/fuzz/rule.replay \
	tests/fuzz/session.replay \
	tests/fuzz/skip.replay \
	tests/fuzz/verdict.replay \
	tests/fuzz/xclient.replay \
	tests/fuzz/xforward.replay

session_sources = tests/fuzz/session.c \
	tests/fuzz/session/client.c \
	tests/fuzz/session/clamd.c \
	tests/fuzz/session/party.c \
	tests/fuzz/session/play.h \
	tests/fuzz/session/script.c \
	tests/fuzz/session/server.c
# The session's clock and its waiting are the fuzzer's.
session_ldflags = $(AM_LDFLAGS) -Wl,--wrap=poll -Wl,--wrap=clock_gettime

tests_fuzz_addr_replay_SOURCES = tests/fuzz/addr.c tests/fuzz/replay.c
tests_fuzz_command_replay_SOURCES = tests/fuzz/command.c tests/fuzz/replay.c
tests_fuzz_config_replay_SOURCES = tests/fuzz/config.c tests/fuzz/replay.c
tests_fuzz_dots_replay_SOURCES = tests/fuzz/dots.c tests/fuzz/replay.c
tests_fuzz_ehlo_replay_SOURCES = tests/fuzz/ehlo.c tests/fuzz/replay.c
tests_fuzz_header_replay_SOURCES = tests/fuzz/header.c tests/fuzz/replay.c
tests_fuzz_proxy_replay_SOURCES = tests/fuzz/proxy.c tests/fuzz/replay.c
tests_fuzz_reply_replay_SOURCES = tests/fuzz/reply.c tests/fuzz/replay.c
tests_fuzz_rule_replay_SOURCES = tests/fuzz/rule.c tests/fuzz/replay.c
tests_fuzz_session_replay_SOURCES = $(session_sources) tests/fuzz/replay.c
tests_fuzz_session_replay_LDFLAGS = $(session_ldflags)
tests_fuzz_skip_replay_SOURCES = tests/fuzz/skip.c tests/fuzz/replay.c
tests_fuzz_verdict_replay_SOURCES = tests/fuzz/verdict.c tests/fuzz/replay.c
tests_fuzz_xclient_replay_SOURCES = tests/fuzz/xclient.c tests/fuzz/replay.c
tests_fuzz_xforward_replay_SOURCES = tests/fuzz/xforward.c tests/fuzz/replay.c

if FUZZING
fuzz_programs = \
	tests/fuzz/addr.fuzz \
	tests/fuzz/command.fuzz \
	tests/fuzz/config.fuzz \
	tests/fuzz/dots.fuzz \
	tests/fuzz/ehlo.fuzz \
	tests/fuzz/header.fuzz \
	tests/fuzz/proxy.fuzz \
	tests/fuzz/reply.fuzz \
	tests/fuzz/rule.fuzz \
	tests/fuzz/session.fuzz \
	tests/fuzz/skip.fuzz \
	tests/fuzz/verdict.fuzz \
	tests/fuzz/xclient.fuzz \
	tests/fuzz/xforward.fuzz
else
fuzz_programs =
endif
EXTRA_PROGRAMS = $(fuzz_programs)
CLEANFILES += $(fuzz_programs)

fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer

tests_fuzz_addr_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_command_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_config_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_dots_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_ehlo_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_header_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_proxy_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_reply_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_rule_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_session_fuzz_SOURCES = $(session_sources)
tests_fuzz_session_fuzz_LDFLAGS = $(session_ldflags) -fsanitize=fuzzer
tests_fuzz_skip_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_verdict_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_xclient_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_xforward_fuzz_LDFLAGS = $(fuzz_ldflags)

# What is found is kept in build/fuzz/: new inputs below each target's name, and
# the input that ended a target as TARGET-crash-...
fuzz: $(fuzz_programs)
	@test -n "$(fuzz_programs)" || { \
		echo "first: ./configure CC=clang --enable-fuzzing"; exit 1; }
	@for program in $(fuzz_programs); do \
		name=`basename $$program .fuzz`; \
		log=build/fuzz/$$name.log; \
		$(MKDIR_P) build/fuzz/$$name; \
		timeout `expr $(FUZZ_SECONDS) + 60` ./$$program \
			-max_total_time=$(FUZZ_SECONDS) -timeout=20 \
			-max_len=4096 -artifact_prefix=build/fuzz/$$name- \
			-dict=$(srcdir)/tests/fuzz/smtp.dict \
			build/fuzz/$$name $(srcdir)/tests/fuzz/corpus/$$name \
			>$$log 2>&1 || { tail -n 60 $$log; exit 1; }; \
		echo "$$name: `grep DONE $$log`"; \
	done
.PHONY: fuzz

# ---- style: what compilers do not see

style_tests = \
	tests/style/diagnostics.sh \
	tests/style/differences.sh \
	tests/style/dist.sh \
	tests/style/floors.sh \
	tests/style/floors_self.sh \
	tests/style/hardening.sh \
	tests/style/manual.sh \
	tests/style/options.sh \
	tests/style/other_systems.sh \
	tests/style/packaging.sh \
	tests/style/security.sh

# ---- what else goes into the tarball; tests/style/dist.sh finds what is missing

EXTRA_DIST += \
	$(style_tests) \
	tests/beat.sh \
	tests/bench/bench.py \
	tests/bench/candidates.py \
	tests/bench/cases.py \
	tests/bench/clamd_standin.c \
	tests/bench/clients.py \
	tests/bench/peer_programs.py \
	tests/bench/peer_report.py \
	tests/bench/peers.gp \
	tests/bench/peers.py \
	tests/bench/peers.sh \
	tests/bench/server.py \
	tests/bench/table.py \
	tests/check.sh \
	tests/tidy.sh \
	tests/demo/demo.py \
	tests/e2e/bugs.py \
	tests/e2e/cells.py \
	tests/e2e/comparison.py \
	tests/e2e/conftest.py \
	tests/e2e/fail_malloc.c \
	tests/e2e/large_message.py \
	tests/e2e/rig/__init__.py \
	tests/e2e/rig/actions.py \
	tests/e2e/rig/basics.py \
	tests/e2e/rig/clamd.py \
	tests/e2e/rig/client.py \
	tests/e2e/rig/daemon.py \
	tests/e2e/rig/impatient.py \
	tests/e2e/rig/manager.py \
	tests/e2e/rig/peer.py \
	tests/e2e/rig/rig.py \
	tests/e2e/rig/upstream.py \
	tests/e2e/rig/words.py \
	tests/e2e/monitor.py \
	tests/e2e/monitoring_picture.py \
	tests/e2e/run.sh \
	tests/e2e/soak.py \
	tests/e2e/soak_chaos.py \
	tests/e2e/soak_client.py \
	tests/e2e/soak_parties.py \
	tests/e2e/test_addresses.py \
	tests/e2e/test_auth_lines.py \
	tests/e2e/test_bugs_dialogue.py \
	tests/e2e/test_bugs_running.py \
	tests/e2e/test_budget.py \
	tests/e2e/test_check.py \
	tests/e2e/test_clamd.py \
	tests/e2e/test_clamds.py \
	tests/e2e/test_client_gone.py \
	tests/e2e/test_codes.py \
	tests/e2e/test_commandline.py \
	tests/e2e/test_comparison_content.py \
	tests/e2e/test_comparison_dialogue.py \
	tests/e2e/test_comparison_envelope.py \
	tests/e2e/test_comparison_running.py \
	tests/e2e/test_comparison_scan.py \
	tests/e2e/test_configuration.py \
	tests/e2e/test_content_lost.py \
	tests/e2e/test_data.py \
	tests/e2e/test_debian_script.py \
	tests/e2e/test_early_answers.py \
	tests/e2e/test_envelope.py \
	tests/e2e/test_esmtp.py \
	tests/e2e/test_faults_clamd.py \
	tests/e2e/test_faults_client.py \
	tests/e2e/test_faults_resources.py \
	tests/e2e/test_faults_server.py \
	tests/e2e/test_faults_signals.py \
	tests/e2e/test_fildes.py \
	tests/e2e/test_header.py \
	tests/e2e/test_init_script.py \
	tests/e2e/test_ipv6.py \
	tests/e2e/test_keepalives.py \
	tests/e2e/test_keywords.py \
	tests/e2e/test_lifecycle.py \
	tests/e2e/test_limits.py \
	tests/e2e/test_lmtp.py \
	tests/e2e/test_log_flow.py \
	tests/e2e/test_log_secrets.py \
	tests/e2e/test_logging.py \
	tests/e2e/test_loopback.py \
	tests/e2e/test_loopback_howto.py \
	tests/e2e/test_manual.py \
	tests/e2e/test_memory.py \
	tests/e2e/test_migrating.py \
	tests/e2e/test_names.py \
	tests/e2e/test_monitoring.py \
	tests/e2e/test_old_containers.py \
	tests/e2e/test_options.py \
	tests/e2e/test_oversize.py \
	tests/e2e/test_out_of_step.py \
	tests/e2e/test_parting.py \
	tests/e2e/test_pipelining.py \
	tests/e2e/test_proxy_protocol.py \
	tests/e2e/test_quarantine.py \
	tests/e2e/test_quarantine_howto.py \
	tests/e2e/test_reload.py \
	tests/e2e/test_replies.py \
	tests/e2e/test_scan_fail.py \
	tests/e2e/test_scanmode.py \
	tests/e2e/test_restart.py \
	tests/e2e/test_selftest.py \
	tests/e2e/test_service_manager.py \
	tests/e2e/test_session.py \
	tests/e2e/test_several_addresses.py \
	tests/e2e/test_size.py \
	tests/e2e/test_skip.py \
	tests/e2e/test_soak.py \
	tests/e2e/test_start_messages.py \
	tests/e2e/test_stats.py \
	tests/e2e/test_summary.py \
	tests/e2e/test_timeouts.py \
	tests/e2e/test_transparent.py \
	tests/e2e/test_transparent_ipv6.py \
	tests/e2e/test_transparent_rules.py \
	tests/e2e/test_unit.py \
	tests/e2e/test_virus_action.py \
	tests/e2e/test_virus_action_script.py \
	tests/e2e/test_virus_rule.py \
	tests/e2e/test_xclient.py \
	tests/e2e/test_xforward.py \
	tests/fuzz/corpus \
	tests/fuzz/fuzz.h \
	tests/fuzz/smtp.dict \
	tests/mail/clamd.py \
	tests/mail/clamsmtpd.py \
	tests/mail/packages.py \
	tests/mail/postfix.py \
	tests/mail/samples.py \
	tests/mail/scratch.py \
	tests/mail/site_settings.py \
	tests/mail/test_clamd_limits.py \
	tests/mail/test_demo.py \
	tests/mail/test_howto_commands.py \
	tests/mail/test_howto_lmtp.py \
	tests/mail/test_howto_postfix.py \
	tests/mail/test_loopback.py \
	tests/mail/test_mail_system.py \
	tests/mail/test_quarantine.py \
	tests/mail/test_selftest.py \
	tests/mail/test_true_client.py \
	tests/mail/test_real_clamds.py \
	tests/mail/test_scaling.py \
	tests/mail/test_scaling_files.py \
	tests/peers/client.js \
	tests/peers/clients.py \
	tests/peers/conftest.py \
	tests/peers/exim-client.conf \
	tests/peers/exim-server.conf \
	tests/peers/fetch.sh \
	tests/peers/howto.py \
	tests/peers/opensmtpd-server.conf \
	tests/peers/samples_of_peers.py \
	tests/peers/sendmail.cf \
	tests/peers/server.js \
	tests/peers/server.py \
	tests/peers/servers.py \
	tests/peers/test_clients.py \
	tests/peers/test_howto_exim.py \
	tests/peers/test_howto_opensmtpd.py \
	tests/peers/test_lmtp_server.py \
	tests/peers/test_servers.py \
	tests/peers/test_transparent_clients.py \
	tests/unit/party.h \
	tests/unit/said.h \
	tests/unit/session/pair.h \
	tests/unit/session/stage.h \
	tests/setup/machine.py \
	tests/setup/scratch.py \
	tests/style/pf/net/pfvar.h \
	tests/setup/test_build.py \
	tests/setup/test_host_untouched.py \
	tests/setup/test_package.py \
	tests/unit/unit.h
