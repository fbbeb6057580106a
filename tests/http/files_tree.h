/* SPDX-License-Identifier: MIT
 *
 * A directory of the test's own with files to serve, and beside it one that must not be reached.
 *
 *   TREE/root/       what the test makes
 *   TREE/outside/    has the file "secret" in it
 */
#ifndef TEST_HTTP_FILES_TREE_H
#define TEST_HTTP_FILES_TREE_H

#include <stddef.h>

struct tree {
  char path[64];
  char root[72];
};

void tree_begin(struct tree *tree);
void tree_end(struct tree *tree);

/* All names are relative to the root. */
void tree_directory(const struct tree *tree, const char *name);
void tree_file(const struct tree *tree, const char *name, const void *data, size_t len);
void tree_text(const struct tree *tree, const char *name, const char *text);
void tree_link(const struct tree *tree, const char *name, const char *target); /* symbolic */
void tree_fifo(const struct tree *tree, const char *name);
void tree_socket(const struct tree *tree, const char *name);
void tree_mode(const struct tree *tree, const char *name, unsigned mode);
void tree_resize(const struct tree *tree, const char *name, size_t size);
void tree_touch(const struct tree *tree, const char *name, long long seconds, long nanoseconds);
void tree_remove(const struct tree *tree, const char *name);

/* For the rest of this process the system has no openat2, or forbids it: ENOSYS or EPERM. */
void tree_without_openat2(int error);

#define TREE_SECRET "root:x:0:0: a secret\n"

#endif
