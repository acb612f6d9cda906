/*
 * Small questions about strings, independent of any locale.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_STRUTIL_H
#define COMMON_STRUTIL_H

#include <stdbool.h>
#include <stddef.h>

/* Blank, tab, CR, LF, VT or FF. */
bool str_is_space(char c);

/* Narrow *s, *len to what is left without white space at both ends. */
void str_trim(const char **s, size_t *len);

/* The same letters, whatever their case (ASCII only)? word ends with a NUL. */
bool str_equals(const char *s, size_t len, const char *word);

/* Does s begin with word, whatever the case (ASCII only)? */
bool str_begins(const char *s, size_t len, const char *word);

/*
 * The whole of s as a decimal number: strtol(3) with base 10, so leading blanks
 * and a sign are allowed; an empty string is 0.  Returns 0 and sets *value, or
 * -1 with EINVAL (something else in it) or ERANGE (not from min to max).
 */
int str_number(const char *s, long min, long max, long *value);

/*
 * Make every control octet in s a '?': those below 32, 127, and the control
 * characters from 128 to 159 be they single octets or UTF-8.  Other UTF-8
 * (RFC 3629) and other octets stay.
 */
void str_mask_controls(char *s, size_t len);

/* 1 for on, yes, true, 1; 0 for off, no, false, 0; -1 for anything else. */
int str_boolean(const char *s);

#endif
