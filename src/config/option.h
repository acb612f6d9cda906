/*
 * One option: what it may be set to, and what would be right if it is not.
 *
 * A row of the table of options (settings.c) is a struct option; there is one
 * setter a type of value.  Pure: nothing is looked up, opened or logged.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SRC_CONFIG_OPTION_H
#define SRC_CONFIG_OPTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define OPTION_WORDS_MAX 5 /* with the NULL behind the last */

struct option;

/*
 * Set *field, of the type that the setter is for, to what value says.  value is
 * borrowed for as long as the field is used.
 * Returns NULL, or a few words about what would be right; *field is as it was.
 */
typedef const char *option_setter(
    const struct option *o, const char *value, void *field);

struct option {
	const char *name;
	option_setter *set;
	size_t offset; /* of the field in the struct that has all of them */
	const char *initial; /* the default; NULL: the field is zero */
	const char *error; /* the message for a wrong value, as 1.10 */
	bool shows_value; /* the value follows the message */
	const char
	    *hint; /* what would be right, where nothing says it better */
	const char
	    *instead; /* the option that takes this one's place, or NULL */
	bool is_list; /* the value is one piece between commas */
	bool required; /* texts and paths: may not be empty */
	in_port_t port; /* addresses: where none is given; host order */
	long min, max; /* numbers; seconds have no max */
	const char *const *words; /* words: by the value of their enum */
};

/* const char *: any text. */
option_setter option_text;

/* const char *: an absolute path. */
option_setter option_path;

/* int: a number from min to max. */
option_setter option_number;

/* int: milliseconds, written as seconds, min or more; what is too much for an
 * int counts as the most that is not. */
option_setter option_seconds;

/* bool: on or off, in any of their forms. */
option_setter option_boolean;

/* An enum (of the size of an int): one of words. */
option_setter option_word;

/* struct addr_spec: an address; its name is not looked up. */
option_setter option_address;

/* struct addr_list: one address more. */
option_setter option_add_address;

/* struct net_list: one network more. */
option_setter option_add_net;

/* Words about a byte order mark that text begins with, or NULL. */
const char *option_byte_order_mark(const char *text);

/*
 * What is wrong with text whatever it is for: a byte order mark or quotes in
 * front, a comment behind it, octets that are not ASCII.  Returns words about it, or NULL.
 */
const char *option_common_mistake(const char *text);

#endif
