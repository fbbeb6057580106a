/* SPDX-License-Identifier: MIT
 *
 * The recorder of calls, loaded into programs of several kinds.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/clock.h"
#include "lab/played.h"
#include "lab/within.h"

#define EXPECT \
  "title: test\ncause: test\nwire: delay 10ms\nrun: 300ms\nclient:\n  connect\n" \
  "  send \"hello\"\n  read \"hello\"\n  end\n  read to end\n  close\n"

/* One connection, by calls of each kind. RECEIVE and SEND are chosen by the compiler's -D. */
static const char server[] =
    "#include <arpa/inet.h>\n#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
    "#include <sys/uio.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
    "static ssize_t receive(int fd, void *bytes, size_t len) {\n"
    "  struct iovec piece = {bytes, len};\n"
    "  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};\n"
    "  (void)piece, (void)message;\n"
    "  return RECEIVE;\n"
    "}\n"
    "static ssize_t give(int fd, void *bytes, size_t len) {\n"
    "  struct iovec piece = {bytes, len};\n"
    "  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};\n"
    "  (void)piece, (void)message;\n"
    "  return SEND;\n"
    "}\n"
    "int main(int argc, char **argv) {\n"
    "  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};\n"
    "  int listener = socket(AF_INET, SOCK_STREAM, 0), fd, error;\n"
    "  socklen_t size = sizeof a;\n"
    "  char text[64];\n"
    "  ssize_t len;\n"
    "  if (bind(listener, (void *)&a, sizeof a) || listen(listener, 8)) return 1;\n"
    "  getsockname(listener, (void *)&a, &size);\n"
    "  printf(\"listening on 0.0.0.0:%d\\n\", ntohs(a.sin_port));\n" /* flushed by the recorder */
    "  fd = accept(listener, NULL, NULL);\n"
    "  while ((len = receive(fd, text, sizeof text)) > 0) give(fd, text, len);\n"
    "  shutdown(fd, SHUT_WR);\n"
    "  errno = 77;\n"
    "  error = close(fd);\n"
    "  if (error || errno != 77) return 2;\n"
    "  errno = 0;\n"
    "  if (close(fd) != -1 || errno != EBADF) return 3;\n"
    "  if (fork() == 0) { accept(listener, NULL, NULL); _exit(0); }\n"
    "  wait(NULL);\n"
    "  return 0;\n"
    "}\n";

static void records(const char *flags) {
  struct played played;
  played_begin(&played, server, flags, EXPECT);
  played_run(&played);
  within_check(!played_failed(&played), "the client failed: %s", played.story.output);
  within_check(!played.story.exited, "status %d: %s", played.story.status, played.story.output);
  within_check(strcmp(played_calls(&played), "accept read write eof shutdown close fork") == 0,
               "%s: %s", flags, played_calls(&played));
  for (size_t i = 0; i < played.story.count; i++) {
    const struct lab_call *const call = &played.story.events[i].call;
    if (played.story.events[i].kind != LAB_CALL || strcmp(call->name, "fork") == 0) continue;
    within_check(call->cookie != 0 && call->server_port == played.story.server_port &&
                     call->client_port != 0 && call->error == 0,
                 "%s", call->name);
  }
  played_end(&played);
}

WITHIN(calls, read_and_write) {
  records("'-DRECEIVE=read(fd,bytes,len)' '-DSEND=write(fd,bytes,len)'");
}

WITHIN(calls, recv_and_send) {
  records("'-DRECEIVE=recv(fd,bytes,len,0)' '-DSEND=send(fd,bytes,len,0)'");
}

WITHIN(calls, pieces) { records("'-DRECEIVE=readv(fd,&piece,1)' '-DSEND=writev(fd,&piece,1)'"); }

WITHIN(calls, messages) {
  records("'-DRECEIVE=recvmsg(fd,&message,0)' '-DSEND=sendmsg(fd,&message,0)'");
}

WITHIN(calls, addresses) {
  records("'-DRECEIVE=recvfrom(fd,bytes,len,0,NULL,NULL)' '-DSEND=sendto(fd,bytes,len,0,NULL,0)'");
}

WITHIN(calls, checked_sizes) {
  records(
      "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 '-DRECEIVE=read(fd,bytes,len)' "
      "'-DSEND=write(fd,bytes,len)'");
}

WITHIN(calls, printed) {
  records("'-DRECEIVE=read(fd,bytes,len)' '-DSEND=dprintf(fd,\"%.*s\",(int)len,(char*)bytes)'");
}

WITHIN(calls, printed_and_checked) {
  records(
      "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 '-DRECEIVE=read(fd,bytes,len)' "
      "'-DSEND=dprintf(fd,\"%.*s\",(int)len,(char*)bytes)'");
}

/* Its interceptors stay between the program and libc; it would rather be loaded first. */
WITHIN(calls, address_sanitizer) {
  records("-fsanitize=address '-DRECEIVE=recv(fd,bytes,len,0)' '-DSEND=write(fd,bytes,len)'");
}

WITHIN(calls, nothing_is_recorded_unless_asked_for) {
  struct played played;
  played_begin(
      &played, "examples/labs/02-eof-ignored/fixed.c", NULL,
      "title: test\ncause: test\nwire: delay 10ms\nrun: 300ms\nclient:\n  connect\n  close\n");
  played.options.calls = "";
  played_run(&played);
  within_check(*played_calls(&played) == '\0', "%s", played_calls(&played));
  played_end(&played);
}

/* ---- a program that turns in a circle ---- */

static const char spinner[] =
    "#include <arpa/inet.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
    "int main(int argc, char **argv) {\n"
    "  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};\n"
    "  int listener = socket(AF_INET, SOCK_STREAM, 0), fd;\n"
    "  socklen_t size = sizeof a;\n"
    "  char text[64];\n"
    "  if (bind(listener, (void *)&a, sizeof a) || listen(listener, 8)) return 1;\n"
    "  getsockname(listener, (void *)&a, &size);\n"
    "  printf(\"listening on 0.0.0.0:%d\\n\", ntohs(a.sin_port));\n"
    "  fd = accept(listener, NULL, NULL);\n"
    "  for (int i = 0; i < 100000; i++) {\n"
    "    ssize_t len = read(fd, text, sizeof text);\n"
    "    if (len > 0) { write(fd, text, len); i = 0; }\n"
    "  }\n"
    "  close(fd);\n"
    "  for (;;) pause();\n"
    "}\n";

/* Every one of its calls is counted, few are told one by one. */
WITHIN(calls, without_news_are_counted) {
  struct played played;
  size_t told = 0, made = 0;
  played_begin(&played, spinner, NULL,
               "title: test\ncause: test\nwire: delay 10ms\nrun: 3s\nclient:\n  connect\n"
               "  send \"hello\"\n  read \"hello\"\n  end\n  read to end\n  close\n");
  played_run(&played);
  within_check(!played_failed(&played), "the client failed: %s", played.story.output);
  for (size_t i = 0; i < played.story.count; i++) {
    const struct lab_call *const call = &played.story.events[i].call;
    if (played.story.events[i].kind != LAB_CALL || strcmp(call->name, "eof") != 0) continue;
    told++;
    made += call->times > 1 ? call->times : 1;
  }
  within_check(told > 1 && told < 1000, "told: %zu", told);
  within_check(made == 99999, "made: %zu", made);
  played_end(&played);
}

/* ---- a program that writes to the recorder's descriptor itself ---- */

/* States of sides that there are not, what no client said, a name without an end. */
static const char forger[] =
    "#include <arpa/inet.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
    "#include <unistd.h>\n#include \"lab/clock.h\"\n#include \"lab/story.h\"\n"
    "static void put(struct lab_event event, uint64_t at_ns) {\n"
    "  event.at_ns = at_ns;\n"
    "  send(atoi(getenv(\"FINALE_LAB_CALLS\")), &event, sizeof event, 0);\n"
    "}\n"
    "int main(int argc, char **argv) {\n"
    "  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};\n"
    "  int listener = socket(AF_INET, SOCK_STREAM, 0);\n"
    "  socklen_t size = sizeof a;\n"
    "  struct lab_event event = {.kind = LAB_STATE};\n"
    "  if (bind(listener, (void *)&a, sizeof a) || listen(listener, 8)) return 1;\n"
    "  getsockname(listener, (void *)&a, &size);\n"
    "  printf(\"listening on 0.0.0.0:%d\\n\", ntohs(a.sin_port));\n"
    "  event.state.side = 100000;\n"
    "  event.state.to = FIN_TCP_CLOSE_WAIT;\n"
    "  put(event, lab_now());\n"
    "  event = (struct lab_event){.kind = LAB_SAID};\n"
    "  event.said = (struct lab_said){.player = 77, .last = true};\n"
    "  put(event, lab_now());\n"
    "  event = (struct lab_event){.kind = LAB_CALL};\n"
    "  memset(event.call.name, 'x', sizeof event.call.name);\n"
    "  put(event, lab_now());\n"
    "  event.call = (struct lab_call){.name = \"\\033[2J\"};\n"
    "  put(event, lab_now());\n"
    "  event.call = (struct lab_call){.name = \"early\"};\n"
    "  put(event, 1);\n"
    "  event.call = (struct lab_call){.name = \"late\"};\n"
    "  put(event, lab_now() + 3600 * UINT64_C(1000000000));\n"
    "  event.call = (struct lab_call){.name = \"told\"};\n"
    "  put(event, lab_now());\n"
    "  for (;;) pause();\n"
    "}\n";

WITHIN(calls, are_all_that_a_program_can_tell) {
  struct played played;
  char flags[1024];
  bool told = false;
  snprintf(flags, sizeof flags, "-I%s/src -I%s/include", getenv("FINALE_SOURCE_DIR"),
           getenv("FINALE_SOURCE_DIR"));
  played_begin(&played, forger, flags, EXPECT);
  played_run(&played);
  for (size_t i = 0; i < played.story.count; i++) {
    const struct lab_event *const event = &played.story.events[i];
    const char *const name = event->call.name;
    within_check(event->kind != LAB_STATE || event->state.side <= LAB_SERVER, "a forged state");
    within_check(event->kind != LAB_SAID || event->said.player != 77, "a forged step");
    within_check(event->at_ns >= played.story.began_ns && event->at_ns <= lab_now(), "the time");
    if (event->kind != LAB_CALL) continue;
    const size_t len = strnlen(name, sizeof event->call.name);
    within_check(len < sizeof event->call.name, "a name without an end");
    for (size_t n = 0; n < len; n++) within_check(isalnum(name[n]), "name: %s", name);
    told = told || strcmp(name, "told") == 0;
  }
  within_check(told, "what looks like a call is not told");
  played_end(&played);
}
