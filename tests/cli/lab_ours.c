/* SPDX-License-Identifier: MIT
 *
 * See lab_ours.h.
 */
#include "lab_ours.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct command command;
static char scratch[] = "/tmp/finale-test-lab-XXXXXX";

void lab(const char *const *args) {
  const char *all[COMMAND_ARGS_MAX] = {"lab"};
  for (size_t i = 0; args[i]; i++) all[i + 1] = args[i];
  command_start(&command, all);
  command_wait(&command, LAB_PATIENCE_MS);
}

const char lab_ours_expect[] =
    "title: Ours\n"
    "cause: eof-ignored\n"
    "wire: delay 20ms\n"
    "run: 300ms\n"
    "client:\n"
    "  connect\n"
    "  send \"hello\\n\"\n"
    "  read \"hello\\n\"\n"
    "  close\n"
    "broken:\n"
    "  stay server CLOSE-WAIT owned\n"
    "  descriptors +1\n"
    "fixed:\n"
    "  gone server\n"
    "  descriptors +0\n"
    "service:\n"
    "  client:\n"
    "    connect\n"
    "    send \"hello\\n\"\n"
    "    end\n"
    "    read \"hello\\n\"\n"
    "    read to end\n";

const char lab_ours_broken[] = "while ((n = read(c, text, sizeof text)) > 0) write(c, text, n);";
const char lab_ours_fixed[] =
    "while ((n = read(c, text, sizeof text)) > 0) write(c, text, n);"
    " close(c);";
/* Closes what has half-closed, answered or not: it looks for the FIN first. */
static const char wrong[] =
    "struct pollfd fin = {.fd = c, .events = POLLRDHUP};"
    "if (poll(&fin, 1, 200) == 0) while ((n = read(c, text, sizeof text)) > 0) write(c, text, n);"
    " else read(c, text, sizeof text);"
    " close(c);";

void lab_ours_write(const char *folder, const char *name, const char *text) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *out = fopen(path, "w");
  cr_assert_not_null(out, "%s", path);
  fputs(text, out);
  fclose(out);
}

void lab_ours_program(const char *folder, const char *name, const char *serve) {
  char text[4096];
  snprintf(text, sizeof text,
           "#include <arpa/inet.h>\n#include <poll.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
           "#include <sys/socket.h>\n#include <unistd.h>\n"
           "int main(int argc, char **argv) {\n"
           "  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};\n"
           "  socklen_t len = sizeof a;\n"
           "  int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;\n"
           "  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);\n"
           "  if (argc != 2 || bind(s, (void *)&a, len) != 0 || listen(s, 8) != 0) return 1;\n"
           "  getsockname(s, (void *)&a, &len);\n"
           "  printf(\"listening on 0.0.0.0:%%d\\n\", ntohs(a.sin_port));\n"
           "  fflush(stdout);\n"
           "  for (;;) {\n"
           "    char text[64];\n"
           "    ssize_t n;\n"
           "    int c = accept(s, NULL, NULL);\n"
           "    %s\n"
           "  }\n"
           "}\n",
           serve);
  lab_ours_write(folder, name, text);
}

void lab_ours_make(void) {
  cr_assert_not_null(mkdtemp(scratch));
  cr_assert_eq(chdir(scratch), 0);
  cr_assert_eq(mkdir("labs", 0700), 0);
  cr_assert_eq(mkdir("labs/07-ours", 0700), 0);
  lab_ours_write("labs/07-ours", "expect", lab_ours_expect);
  lab_ours_write("labs/07-ours", "hints", "hint: One.\n  And on.\nhint: Two.\nhint.zh: 二。\n");
  lab_ours_write("labs/07-ours", "quiz",
                 "question: Why?\nright: So.\nwrong: Otherwise.\nwhy: Because.\n");
  lab_ours_program("labs/07-ours", "broken.c", lab_ours_broken);
  lab_ours_program("labs/07-ours", "fixed.c", lab_ours_fixed);
  lab_ours_program("labs/07-ours", "wrong.c", wrong);
  setenv("FINALE_LABS", "labs", 1);
  setenv("TMPDIR", scratch, 1);
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *at) {
  (void)file, (void)type, (void)at;
  return remove(path);
}

void lab_ours_remove(void) { nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

void lab_ours_nothing_left(void) {
  DIR *here = opendir(scratch);
  for (struct dirent *entry; (entry = readdir(here));)
    cr_expect_neq(strncmp(entry->d_name, "finale-lab-", 11), 0, "%s is left", entry->d_name);
  closedir(here);
}
