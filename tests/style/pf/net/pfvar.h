/*
 * As much of pf's header as common/redirect.c asks for, to see that it compiles.
 * Source: pf(4) of FreeBSD, DIOCNATLOOK.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_STYLE_NET_PFVAR_H
#define TESTS_STYLE_NET_PFVAR_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/ioctl.h>

enum { PF_INOUT, PF_IN, PF_OUT };

struct pf_addr {
	union {
		struct in_addr v4;
		struct in6_addr v6;
	} pfa;
#define v4 pfa.v4
#define v6 pfa.v6
};

struct pfioc_natlook {
	struct pf_addr saddr, daddr, rsaddr, rdaddr;
	uint16_t sport, dport, rsport, rdport;
	sa_family_t af;
	uint8_t proto, proto_variant, direction;
};

#define DIOCNATLOOK _IOWR('D', 23, struct pfioc_natlook)

#endif
