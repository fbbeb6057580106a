/* SPDX-License-Identifier: MIT
 *
 * Files that describe peers: what is in them is read, and what is wrong is said with its line.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare/compare.h"

/* Reads this text as a file; the caller releases the peer. */
static bool read_text(const char *text, size_t len, struct compare_peer *peer,
                      char why[LOAD_WHY_MAX]) {
  char path[] = "/tmp/finale-test.XXXXXX.peer";
  int fd = mkstemps(path, 5);
  cr_assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
  close(fd);
  bool good = compare_peer_read(path, peer, why);
  unlink(path);
  return good;
}

Test(peers_file, everything_that_can_be_said) {
  static const char text[] =
      "# a remark\n"
      "about = a server = of mine\n"
      "packages=one two\n"
      "\n"
      "\thttp =  serve --port {port}\t\r\n"
      "echo = serve --echo {dir}/x {peers} {finale} {body}\n"
      "listening = port\n"
      "workloads =  echo\tmix-echo \n"
      "[file one.conf]\n"
      "# no remark\n"
      "  listen { {port}; }\n"
      "\n"
      "[file sub/two]\n"
      "no newline at the end";
  struct compare_peer peer;
  char why[LOAD_WHY_MAX] = "";
  cr_assert(read_text(text, sizeof text - 1, &peer, why), "%s", why);
  cr_expect(strncmp(peer.name, "finale-test.", 12) == 0 && !strstr(peer.name, ".peer"));
  cr_expect_str_eq(peer.about, "a server = of mine");
  cr_expect_str_eq(peer.packages, "one two");
  cr_expect_str_eq(peer.commands[LOAD_HTTP], "serve --port {port}");
  cr_expect_str_eq(peer.commands[LOAD_ECHO], "serve --echo {dir}/x {peers} {finale} {body}");
  cr_expect_not(peer.prints_port);
  for (size_t i = 0; i < compare_workload_count; i++) {
    const struct compare_workload *workload = &compare_workloads[i];
    bool named = strcmp(workload->name, "echo") == 0 || strcmp(workload->name, "mix-echo") == 0;
    cr_expect_eq(compare_peer_takes_part(&peer, workload), named, "%s", workload->name);
  }
  cr_assert_eq(peer.file_count, 2);
  cr_expect_str_eq(peer.files[0].name, "one.conf");
  cr_expect_str_eq(peer.files[0].text, "# no remark\n  listen { {port}; }\n\n");
  cr_expect_str_eq(peer.files[1].name, "sub/two");
  cr_expect_str_eq(peer.files[1].text, "no newline at the end\n");
  compare_peer_release(&peer);
}

Test(peers_file, little_is_enough) {
  static const char text[] = "echo = serve\nlistening = printed\n";
  struct compare_peer peer;
  char why[LOAD_WHY_MAX] = "";
  cr_assert(read_text(text, sizeof text - 1, &peer, why), "%s", why);
  cr_expect_str_eq(peer.about, peer.name);
  cr_expect_str_eq(peer.packages, "");
  cr_expect_null(peer.commands[LOAD_HTTP]);
  cr_expect(peer.prints_port);
  for (size_t i = 0; i < compare_workload_count; i++)
    cr_expect(compare_peer_takes_part(&peer, &compare_workloads[i]));
  compare_peer_release(&peer);
}

static void check_wrong(const char *text, size_t len, const char *where, const char *what) {
  struct compare_peer peer;
  char why[LOAD_WHY_MAX] = "";
  bool good = read_text(text, len, &peer, why);
  cr_expect_not(good, "read in spite of '%s'", what);
  cr_expect(strstr(why, where) && strstr(why, what), "'%s' has not '%s' and '%s'", why, where,
            what);
  cr_expect(!peer.name && !peer.text);
}

Test(peers_file, every_mistake_is_named_with_its_line) {
#define GOOD "echo = serve\nlistening = printed\n"
  static const struct {
    const char *text, *where, *what;
  } cases[] = {
      {"echo = serve\nport 80\n", ":2: ", "'port 80': not 'key = value'"},
      {"# x\n\necho = serve\ncolour = red\n", ":4: ", "unknown key 'colour'; use about"},
      {"about =\n", ":1: ", "about has no value"},
      {"echo = a\necho = b\n", ":2: ", "echo is given twice"},
      {"listening = printed\nlistening = printed\n", ":2: ", "listening is given twice"},
      {"listening = maybe\n", ":1: ", "use printed or port"},
      {"workloads =\n", ":1: ", "workloads has no value"},
      {"\nworkloads = mix speed\n", ":2: ", "unknown workload 'speed'; see finale bench compare"},
      {"workloads = mix\nworkloads = echo\n", ":2: ", "workloads is given twice"},
      {"http = serve {dir} {prot}\n", ":1: ", "'{prot}' is none of {port}"},
      {GOOD "[file]\n", ":3: ", "write [file NAME]"},
      {GOOD "[file x\n", ":3: ", "write [file NAME]"},
      {GOOD "[file x]\na\nb\n[filey]\n", ":6: ", "write [file NAME]"},
      {GOOD "[file  ]\n", ":3: ", "the file has no name"},
      {GOOD "[file /etc/passwd]\n", ":3: ", "use a relative name"},
      {GOOD "[file a/../../b]\n", ":3: ", "use a relative name"},
      {GOOD "[file x]\n\n[file x]\n", ":5: ", "file 'x' is given twice"},
      {"about = nothing\n", ".peer: ", "neither http nor echo"},
      {"", ".peer: ", "neither http nor echo"},
      {"echo = serve\n", ".peer: ", "{port} is nowhere"},
  };
#undef GOOD
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_wrong(cases[i].text, strlen(cases[i].text), cases[i].where, cases[i].what);
  check_wrong("echo = a\0b\n", 11, ".peer: ", "NUL");
}

Test(peers_file, too_much) {
  static char text[128 * 1024];
  memset(text, '#', sizeof text);
  check_wrong(text, sizeof text, ".peer: ", "longer than 64 KiB");
  size_t len = 0;
  for (int i = 0; i < 9; i++) len += (size_t)sprintf(text + len, "[file %d]\n", i);
  check_wrong(text, len, ":9: ", "more than 8 files");
}

Test(peers_file, that_cannot_be_read) {
  struct compare_peer peer;
  char why[LOAD_WHY_MAX];
  cr_expect_not(compare_peer_read("/no/such.peer", &peer, why));
  cr_expect(strstr(why, "/no/such.peer: No such file") && strstr(why, "name a .peer file"), "%s",
            why);
  cr_expect_not(compare_peer_read("/tmp", &peer, why));
  cr_expect(strstr(why, "/tmp: Is a directory"), "%s", why);
}

Test(peers_file, all_that_come_with_the_source_are_right) {
  char pattern[4096], why[LOAD_WHY_MAX];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/bench/peers/*.peer", getenv("FINALE_SOURCE_DIR"));
  cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
  cr_expect_geq(found.gl_pathc, 10);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    struct compare_peer peer;
    bool good = compare_peer_read(found.gl_pathv[i], &peer, why);
    cr_expect(good, "%s", why);
    if (good) compare_peer_release(&peer);
  }
  globfree(&found);
}
