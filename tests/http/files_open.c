/* SPDX-License-Identifier: MIT
 *
 * Opening a file below a directory: with openat2, and as on systems without it, where no symbolic
 * link is followed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/files_tree.h"
#include "proto/http_files_parts.h"
#include "support/leftover.h"

/* One byte longer than a name may be. */
#define LONG_NAME D64 D64 D64 D64
#define D64 D16 D16 D16 D16
#define D16 "0123456789abcdef"

/* What is found, or the errno, and what it is without openat2. */
struct example {
  const char *name;
  const char *found;
  int error, error_walking;
};

static const struct example examples[] = {
    {"file", "top", 0, 0},
    {"dir/file", "middle", 0, 0},
    {"dir/sub/file", "bottom", 0, 0},
    {"%2e", "percent", 0, 0},
    {"...", "dots", 0, 0},
    {"missing", NULL, ENOENT, ENOENT},
    {"dir/missing", NULL, ENOENT, ENOENT},
    {"missing/file", NULL, ENOENT, ENOENT},
    {"", NULL, ENOENT, ENOENT},
    {"file/file", NULL, ENOTDIR, ENOTDIR},
    {"file/", NULL, ENOTDIR, ENOTDIR},
    {LONG_NAME, NULL, ENAMETOOLONG, ENAMETOOLONG},
    {"dir/" LONG_NAME, NULL, ENAMETOOLONG, ENAMETOOLONG},
    {LONG_NAME "/file", NULL, ENAMETOOLONG, ENAMETOOLONG},
    /* links that stay inside */
    {"inside", "middle", 0, ELOOP},
    {"dir/up", "top", 0, ELOOP},
    {"inside_chain", "middle", 0, ELOOP},
    {"dirlink/file", "middle", 0, ENOTDIR},
    {"dirlink/sub/file", "bottom", 0, ENOTDIR},
    {"dir/around", "top", 0, ELOOP},
    /* links that lead out */
    {"absolute", NULL, EXDEV, ELOOP},
    {"relative", NULL, EXDEV, ELOOP},
    {"chain", NULL, EXDEV, ELOOP},
    {"deep", NULL, EXDEV, ELOOP},
    {"and_back", NULL, EXDEV, ELOOP},
    {"absolute_inside", NULL, EXDEV, ELOOP},
    {"dir/out/secret", NULL, EXDEV, ENOTDIR},
    {"etc/passwd", NULL, EXDEV, ENOTDIR},
    {"parent/outside/secret", NULL, EXDEV, ENOTDIR},
    {"loop", NULL, ELOOP, ELOOP},
    {"dangling", NULL, ENOENT, ELOOP},
    /* names that are not asked for, since http_files_path.c refuses them */
    {"..", NULL, EXDEV, EXDEV},
    {"../outside/secret", NULL, EXDEV, EXDEV},
    {"dir/../../outside/secret", NULL, EXDEV, EXDEV},
    {"/etc/passwd", NULL, EXDEV, ENOENT},
};

static void make(struct tree *tree) {
  char inside[128];
  tree_begin(tree);
  tree_directory(tree, "dir");
  tree_directory(tree, "dir/sub");
  tree_text(tree, "file", "top");
  tree_text(tree, "dir/file", "middle");
  tree_text(tree, "dir/sub/file", "bottom");
  tree_text(tree, "%2e", "percent");
  tree_text(tree, "...", "dots");
  tree_link(tree, "inside", "dir/file");
  tree_link(tree, "dir/up", "../file");
  tree_link(tree, "inside_chain", "inside");
  tree_link(tree, "dirlink", "dir");
  tree_link(tree, "dir/around", "sub/../../dirlink/up");
  tree_link(tree, "absolute", "/etc/passwd");
  tree_link(tree, "relative", "../outside/secret");
  tree_link(tree, "chain", "relative");
  tree_link(tree, "deep", "dir/sub/../../../outside/secret");
  tree_link(tree, "and_back", "../root/file");
  snprintf(inside, sizeof inside, "%s/file", tree->root);
  tree_link(tree, "absolute_inside", inside);
  tree_link(tree, "dir/out", "../../outside");
  tree_link(tree, "etc", "/etc");
  tree_link(tree, "parent", "..");
  tree_link(tree, "loop", "loop");
  tree_link(tree, "dangling", "nowhere");
}

static int open_root(const char *path) {
  int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  cr_assert(root >= 0, "%s: %s", path, strerror(errno));
  return root;
}

static void expect_example(int root, const struct example *example, bool walking) {
  int expected = walking ? example->error_walking : example->error;
  int fd = fin_http_files_open(root, example->name);
  if (expected) {
    cr_assert(fd == -expected, "%s: %s, not %s", example->name, fd < 0 ? strerror(-fd) : "opened",
              strerror(expected));
    return;
  }
  char found[64] = "";
  cr_assert(fd >= 0, "%s: %s", example->name, strerror(-fd));
  cr_assert(read(fd, found, sizeof found - 1) >= 0);
  cr_assert(strcmp(found, example->found) == 0, "%s: %s", example->name, found);
  cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  close(fd);
}

static void expect_all(bool walking) {
  struct tree tree;
  make(&tree);
  size_t descriptors = leftover_descriptors();
  int root = open_root(tree.root);
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
    expect_example(root, &examples[i], walking);
  close(root);
  cr_assert_eq(leftover_descriptors(), descriptors);
  tree_end(&tree);
}

Test(http_files_open, with_openat2) { expect_all(false); }

Test(http_files_open, where_there_is_no_openat2) {
  tree_without_openat2(ENOSYS);
  expect_all(true);
}

Test(http_files_open, where_openat2_is_forbidden) {
  tree_without_openat2(EPERM);
  expect_all(true);
}

/* Links that are not names but doors: /proc/self/exe, /proc/self/fd/0, /proc/self/root. */
static void expect_no_magic(void) {
  static const char *const names[] = {"thread-self/exe", "self/exe", "self/fd/0",
                                      "self/root/etc/passwd", "self/cwd/CMakeLists.txt"};
  int root = open_root("/proc");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    cr_assert_lt(fin_http_files_open(root, names[i]), 0, "%s", names[i]);
  close(root);
}

Test(http_files_open, no_magic_links) { expect_no_magic(); }

Test(http_files_open, no_magic_links_without_openat2) {
  tree_without_openat2(ENOSYS);
  expect_no_magic();
}

/* A FIFO that nobody writes to is opened at once. */
static void expect_no_waiting(void) {
  struct tree tree;
  struct stat file;
  tree_begin(&tree);
  tree_fifo(&tree, "fifo");
  int root = open_root(tree.root);
  int fd = fin_http_files_open(root, "fifo");
  cr_assert(fd >= 0 && fstat(fd, &file) == 0 && S_ISFIFO(file.st_mode));
  close(fd);
  close(root);
  tree_end(&tree);
}

Test(http_files_open, does_not_wait_for_a_fifo) { expect_no_waiting(); }

Test(http_files_open, does_not_wait_for_a_fifo_without_openat2) {
  tree_without_openat2(ENOSYS);
  expect_no_waiting();
}

/* The directory may be moved or replaced: what was opened is what is served. */
Test(http_files_open, the_root_is_a_directory_not_a_name) {
  struct tree tree;
  char moved[128];
  tree_begin(&tree);
  tree_text(&tree, "file", "top");
  int root = open_root(tree.root);
  snprintf(moved, sizeof moved, "%s/moved", tree.path);
  cr_assert_eq(rename(tree.root, moved), 0);
  int fd = fin_http_files_open(root, "file");
  cr_assert_geq(fd, 0);
  close(fd);
  cr_assert_eq(rename(moved, tree.root), 0);
  close(root);
  tree_end(&tree);
}
