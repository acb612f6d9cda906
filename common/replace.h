/*
 * A file that is replaced as a whole: who reads it has the old or the new one.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMMON_REPLACE_H
#define COMMON_REPLACE_H

#include <stddef.h>
#include <sys/stat.h>

/*
 * Let path have these len octets and mode, by a file beside it of a name of our
 * own (PATH.PID.new), which takes its place (rename(2)).  *made is what
 * it is then.  Waits for the disk as write(2) does; nothing is synced.
 * Returns 0, or -1 with errno (EEXIST: there is a device or the like); path is as it was, and nothing is left beside it.
 */
int replace_file(const char *path, mode_t mode, const char *text, size_t len,
    struct stat *made);

#endif
