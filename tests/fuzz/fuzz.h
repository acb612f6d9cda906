/*
 * What the fuzz targets share: libFuzzer's entry point, and a check that ends
 * the program where assert(3) could be compiled away.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

/* Is part within the whole? */
static inline bool
is_within(const char *part, size_t part_len, const char *whole, size_t len)
{
	return part >= whole && part_len <= len &&
	    (size_t)(part - whole) <= len - part_len;
}

#endif
