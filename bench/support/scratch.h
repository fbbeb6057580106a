/* SPDX-License-Identifier: MIT
 *
 * A directory for the files that other programs want to be given or to write, gone at the end.
 */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

/* The path of `name` in it. The caller frees it. */
char *scratch_path(const char *name);

/* Writes `text` to such a file and returns its path. */
char *scratch_write(const char *name, const char *text);

#endif
