# SPDX-License-Identifier: BSD-3-Clause
"""
What a site may have in main.cf for its dealings with the world, each line such
that mail is lost, returned, delayed, changed, sent twice or sent past the filter
where the how-to lets it hold between Postfix and the daemon; and why the other
parameters may be left alone there.
"""

# For the services of the how-to that Postfix knows as clients.
# {trap} is a server that must get nothing, {dead} a port that nobody has.
CLIENT = """
smtp_fallback_relay = [127.0.0.1]:{trap}
relayhost = [127.0.0.1]:{trap}
sender_dependent_relayhost_maps = static:[127.0.0.1]:{trap}
sender_dependent_default_transport_maps = static:error:not_this_way
smtp_bind_address = 192.0.2.77
smtp_bind_address6 = 2001:db8::77
smtp_bind_address_enforce = yes
smtp_address_preference = ipv6
smtp_tls_security_level = encrypt
smtp_tls_wrappermode = yes
smtp_use_tls = yes
smtp_enforce_tls = yes
smtp_tls_policy_maps = static:encrypt
smtp_tls_per_site = static:MUST
smtp_sasl_auth_enable = yes
smtp_sasl_type = nothing
smtp_sasl_password_maps = static:user:secret
smtp_sender_dependent_authentication = yes
smtp_send_dummy_mail_auth = yes
smtp_always_send_ehlo = no
smtp_never_send_ehlo = yes
smtp_discard_ehlo_keywords = xforward, 8bitmime, dsn, size, pipelining
smtp_discard_ehlo_keyword_address_maps = static:xforward
smtp_skip_5xx_greeting = no
smtp_reply_filter = regexp:{{ {{/^2(.*)/ 5$$1}} }}
smtp_delivery_status_filter = regexp:{{ {{/^4(.*)/ 5$$1}} }}
smtp_quote_rfc821_envelope = no
smtp_generic_maps = static:wrong@example.test
smtp_header_checks = regexp:{{ {{/^Subject:/ IGNORE}} }}
smtp_mime_header_checks = regexp:{{ {{/^Content-/ IGNORE}} }}
smtp_nested_header_checks = regexp:{{ {{/^Subject:/ IGNORE}} }}
smtp_body_checks = regexp:{{ {{/words/ IGNORE}} }}
smtp_line_length_limit = 40
smtp_connection_cache_destinations = static:all
smtp_connection_cache_on_demand = yes
smtp_connection_reuse_time_limit = 1s
smtp_data_done_timeout = 1s
smtp_per_request_deadline = yes
smtp_host_lookup = native
smtp_dns_support_level = dnssec
smtp_dns_reply_filter = static:IGNORE
smtp_helo_name = localhost
smtp_mx_address_limit = 1
smtp_pix_workaround_maps = static:disable_esmtp
smtp_tcp_port = 587
disable_dns_lookups = yes
default_destination_recipient_limit = 2
default_destination_rate_delay = 20s
default_transport_rate_delay = 20s
virtual_destination_rate_delay = 0s
virtual_transport_rate_delay = 0s
virtual_delivery_status_filter =
default_delivery_status_filter = regexp:{{ {{/^4(.*)/ 5$$1}} }}
"""

SERVER = """
mynetworks = 192.0.2.0/24
smtpd_client_restrictions = reject
smtpd_helo_restrictions = reject
smtpd_sender_restrictions = reject
smtpd_relay_restrictions = reject
smtpd_recipient_restrictions = reject
smtpd_data_restrictions = reject
smtpd_end_of_data_restrictions = reject
smtpd_etrn_restrictions = reject
smtpd_delay_reject = no
smtpd_authorized_xclient_hosts =
smtpd_helo_required = yes
smtpd_reject_unlisted_sender = yes
smtpd_sender_login_maps = static:nobody
smtpd_milters = inet:127.0.0.1:{dead}
smtpd_milter_maps = static:inet:127.0.0.1:{dead}
milter_default_action = tempfail
smtpd_upstream_proxy_protocol = haproxy
smtpd_proxy_filter = 127.0.0.1:{dead}
smtpd_command_filter = regexp:{{ {{/^(XFORWARD|MAIL|DATA)/ NOOP}} }}
smtpd_forbidden_commands = CONNECT, GET, POST
smtpd_discard_ehlo_keywords = xforward, 8bitmime, dsn, size, pipelining
smtpd_discard_ehlo_keyword_address_maps = static:xforward
smtpd_banner = $myhostname
smtpd_tls_security_level = encrypt
smtpd_tls_wrappermode = yes
smtpd_use_tls = yes
smtpd_enforce_tls = yes
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = nowhere
smtpd_client_event_limit_exceptions =
smtpd_client_connection_count_limit = 1
smtpd_client_connection_rate_limit = 1
smtpd_client_message_rate_limit = 1
smtpd_client_recipient_rate_limit = 1
smtpd_recipient_limit = 1
smtpd_recipient_overshoot_limit = 1
smtpd_timeout = 1s
smtpd_per_request_deadline = yes
smtpd_error_sleep_time = 5s
smtpd_soft_error_limit = 1
smtpd_hard_error_limit = 1
smtpd_junk_command_limit = 1
smtpd_forbid_unauth_pipelining = yes
smtpd_forbid_bare_newline = yes
smtpd_forbid_bare_newline_exclusions =
local_header_rewrite_clients = static:all
myorigin = wrong.example
"""

# What is to be used once, on whatever side of the filter.
BOTH = """
header_checks = regexp:{{ {{/^Subject:/ PREPEND X-Site: once}} }}
virtual_alias_maps = inline:{{ alias@example.test=recipient@example.test }}
sender_canonical_maps = inline:{{ old@example.test=sender@example.test }}
always_bcc = other@example.test
message_size_limit = 330000
"""

# The port where mail comes in is for the test's client.
FRONT = """
mynetworks=127.0.0.0/8
smtpd_client_restrictions=
smtpd_helo_restrictions=
smtpd_sender_restrictions=
smtpd_relay_restrictions=permit_mynetworks,reject
smtpd_recipient_restrictions=
smtpd_data_restrictions=
smtpd_end_of_data_restrictions=
smtpd_reject_unlisted_sender=no
smtpd_milters=
smtpd_milter_maps=
smtpd_upstream_proxy_protocol=
smtpd_proxy_filter=
smtpd_command_filter=
smtpd_discard_ehlo_keywords=
smtpd_discard_ehlo_keyword_address_maps=
smtpd_tls_security_level=none
smtpd_tls_wrappermode=no
smtpd_sasl_auth_enable=no
smtpd_client_event_limit_exceptions=127.0.0.0/8
smtpd_recipient_limit=1000
message_size_limit=300000
smtpd_timeout=60s
smtpd_soft_error_limit=20
smtpd_hard_error_limit=20
smtpd_junk_command_limit=100
local_header_rewrite_clients=
"""

# Parameters that the how-to leaves alone (a pattern for the whole name): why.
LEFT_ALONE = {
    # of scan
    r"smtp_(address_preference|balance_inet_protocols|randomize_addresses|cname_overrides_servername|"
    r"dns_\w+|host_lookup|mx_\w+|defer_if_no_mx_address_found|tcp_port)":
        "the next hop is an address and a port",
    r"smtp_(\w+_timeout|min_data_rate|per_request_deadline)":
        "before the final dot, or after its reply: mail waits, and is not lost",
    r"smtp_(delivery_slot_\w+|\w*destination_\w+|initial_destination_\w+|\w*recipient_\w+|"
    r"minimum_delivery_slots|transport_rate_delay)":
        "of the transport smtp; scan has its own, in main.cf",
    r"smtp_tls_\w+|smtp_use_tls|smtp_enforce_tls|smtp_starttls_\w+|smtp_tlsrpt_\w+":
        "nothing without a security level",
    r"smtp_sasl_\w+|smtp_sender_dependent_authentication":
        "nothing without smtp_sasl_auth_enable",
    r"smtp_bind_address(6|_enforce)": "127.0.0.1 can always be had",
    r"smtp_pix_workaround\w*": "for a banner of asterisks only",
    r"smtp_connection_(reuse|cache_time)_\w+": "no connection is used again",
    r"smtp_helo_name": "XFORWARD tells the true one",
    r"smtp_address_verify_target": "probes are not filtered",
    r"smtp_skip_quit_response": "after the end",
    # of port 10026
    r"smtpd_client_\w+": "there are exceptions, or it is for the log",
    r"smtpd_tls_\w+|smtpd_use_tls|smtpd_enforce_tls|smtpd_starttls_timeout":
        "nothing without a security level",
    r"smtpd_sasl_\w+|smtpd_sender_login_maps": "nothing without smtpd_sasl_auth_enable",
    r"smtpd_(milters|milter_maps)": "no_milters",
    r"smtpd_reject_unlisted_recipient": "no_unknown_recipient_checks",
    r"smtpd_proxy_\w+|smtpd_upstream_proxy_timeout": "nothing without what they belong to",
    r"smtpd_(restriction_classes|policy_service_\w+|dns_reply_filter|null_access_lookup_key|"
    r"log_access_permit_actions|expansion_filter|reject_footer\w*|reject_filter_maps|relay_before_\w+|"
    r"delay_reject|delay_open_until_valid_rcpt)":
        "used by restrictions, or when something is refused",
    r"smtpd_etrn_restrictions": "clients of port 25 have their own",
    r"smtpd_authorized_verp_clients": "scan does not send XVERP",
    r"smtpd_authorized_xclient_hosts": "used only with XClient on",
    r"smtpd_(banner|service_name|peername_lookup|history_flush_threshold|hide_client_session)":
        "does not touch the mail",
    r"smtpd_(helo_required|forbid_unauth_pipelining|forbid_bare_newline\w*|forbidden_commands|noop_commands)":
        "the daemon is a client as it should be",
    r"smtpd_(min_data_rate|per_request_deadline)": "smtpd_timeout is long",
    r"smtpd_recipient_overshoot_limit": "scan sends fewer",
}
