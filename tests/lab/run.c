/* SPDX-License-Identifier: MIT
 *
 * Whole runs: the kernel's states of both ends, the program's calls, the clients' steps, counters.
 */
#include "lab/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/played.h"
#include "lab/within.h"

/* Without a wire there is less to see: the test is skipped. */
static void run_over_wire(struct played *played) {
  played->expect.needs_wire = true;
  played_run(played);
}

#define LABS "examples/labs/"
#define HEAD "title: test\ncause: test\n"

static bool is_one_of(const char *way, const char *a, const char *b) {
  return strcmp(way, a) == 0 || strcmp(way, b) == 0;
}

/* FIN and ACK may come in one segment; RFC 9293 calls that legal, and libuv's server does it. */
WITHIN(run, clean_close_shows_every_state_of_both_ends) {
  struct played played;
  played_begin(&played, LABS "01-clean-close/broken.c", NULL, LABS "01-clean-close/expect");
  played.options.watch_ms = 1000;
  run_over_wire(&played);
  within_check(!played_failed(&played), "a client failed");
  const char *way = played_way(&played, LAB_CLIENT, 0);
  within_check(is_one_of(way, "SYN-SENT ESTAB FIN-WAIT-1 TIME-WAIT",
                         "SYN-SENT ESTAB FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"),
               "%s", way);
  way = played_way(&played, LAB_SERVER, 0);
  within_check(strcmp(way, "SYN-RECV ESTAB CLOSE-WAIT LAST-ACK gone") == 0, "%s", way);
  within_check(played_descriptors(&played) == 0, "%u", played_descriptors(&played));
  played_end(&played);
}

WITHIN(run, ignored_eof_stays_in_close_wait) {
  struct played played;
  played_begin(&played, LABS "02-eof-ignored/broken.c", NULL, LABS "02-eof-ignored/expect");
  played.options.watch_ms = 1500; /* the bucket lasts 3 s */
  run_over_wire(&played);
  const struct lab_state *state = played_last(&played, LAB_SERVER, 0);
  within_check(state != NULL && state->to == FIN_TCP_CLOSE_WAIT && state->recv_queue == 0 &&
                   state->holder == FIN_HOLDER_OWNED && strcmp(state->owner, "program") == 0,
               "%s", played_way(&played, LAB_SERVER, 0));
  const char *const way = played_way(&played, LAB_CLIENT, 0);
  within_check(strcmp(way, "SYN-SENT ESTAB FIN-WAIT-1 FIN-WAIT-2") == 0, "%s", way);
  within_check(played_descriptors(&played) == 1, "%u", played_descriptors(&played));
  within_check(strcmp(played_calls(&played), "accept read write eof") == 0, "%s",
               played_calls(&played));
  for (size_t i = 0; i < played.story.count; i++) {
    const struct lab_event *const event = &played.story.events[i];
    within_check(event->kind != LAB_CALL || (event->call.cookie == state->cookie &&
                                             event->call.client_port == state->client_port),
                 "%s is not of the connection", event->call.name);
    within_check(i == 0 || event[-1].at_ns <= event->at_ns, "event %zu is not in order", i);
  }
  within_check(played_grew(&played, LAB_SERVER, "PassiveOpens") == 1, "PassiveOpens");
  within_check(played_grew(&played, LAB_CLIENT, "ActiveOpens") == 1, "ActiveOpens");
  within_check(strncmp(played.story.output, "listening on ", 13) == 0, "%s", played.story.output);
  within_check(played.story.lost_frames == 0, "lost frames");
  played_end(&played);
}

WITHIN(run, service_has_clients_of_its_own) {
  struct played played;
  played_begin(&played, LABS "02-eof-ignored/fixed.c", NULL, LABS "02-eof-ignored/expect");
  for (size_t i = 0; i < played.expect.service_count; i++) {
    played.options.group = &played.expect.services[i];
    played.options.delay_ms = 20;
    played.options.watch_ms = 200;
    run_over_wire(&played);
    within_check(!played_failed(&played), "service %zu: a client failed", i);
    within_check(played_descriptors(&played) == 0, "%u", played_descriptors(&played));
    lab_story_release(&played.story);
  }
  played_end(&played);
}

/* The rules are of the run's options; the sysctl is of the file. */
WITHIN(run, lost_fin_is_sent_again) {
  struct played played;
  struct lab_rule rule;
  char why[LAB_WHY_MAX];
  played_begin(&played, LABS "02-eof-ignored/fixed.c", NULL,
               HEAD
               "wire: delay 20ms\nsysctl: server tcp_fin_timeout 2\nclient:\n  connect\n"
               "  send \"hello\\n\"\n  read \"HELLO\\n\"\n  end\n  read to end\n  close\n");
  within_check(lab_rule_parse("drop fin from client", &rule, why), "%s", why);
  played.options.rules = &rule;
  played.options.rule_count = 1;
  run_over_wire(&played);
  within_check(!played_failed(&played), "the client failed");
  within_check(played_grew(&played, LAB_CLIENT, "RetransSegs") > 0 ||
                   played_grew(&played, LAB_CLIENT, "TCPLossProbes") > 0,
               "nothing was sent again");
  played_end(&played);
}

/* ---- the client under test ---- */

static const char client[] =
    "#include <arpa/inet.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
    "int main(int argc, char **argv) {\n"
    "  char byte = 'x';\n"
    "  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};\n"
    "  int fd = socket(AF_INET, SOCK_STREAM, 0);\n"
    "  inet_pton(AF_INET, argv[1], &a.sin_addr);\n"
    "  if (argc != 3 || connect(fd, (void *)&a, sizeof a)) return 1;\n"
    "  if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) return 2;\n"
    "  printf(\"got %c\", byte);\n"
    "  fflush(stdout);\n"
    "  return 7;\n"
    "}\n";

WITHIN(run, program_may_be_the_client) {
  struct played played;
  played_begin(&played, client, NULL, HEAD "wire: delay 10ms\nunder-test: client\nrun: 1s\n");
  run_over_wire(&played);
  within_check(played.story.exited && played.story.status == 7, "%d %d", played.story.exited,
               played.story.status);
  within_check(strcmp(played.story.output, "got x") == 0, "%s", played.story.output);
  within_check(strcmp(played_calls(&played), "connect write read") == 0, "%s",
               played_calls(&played));
  const char *const way = played_way(&played, LAB_CLIENT, 0);
  within_check(strncmp(way, "SYN-SENT ESTAB FIN-WAIT-1", 25) == 0, "%s", way);
  played_end(&played);
}

/* ---- stepping, and what is said of what cannot be run ---- */

struct stepper {
  unsigned released;
};

static void release_each(void *context, struct lab_run *run, const struct lab_event *event) {
  struct stepper *const stepper = context;
  if (event->kind != LAB_SEGMENT || event->segment.leaves) return;
  stepper->released++;
  lab_run_release(run, event->segment.number);
}

WITHIN(run, each_segment_waits_to_be_released) {
  struct played played;
  struct stepper stepper = {0};
  played_begin(&played, LABS "02-eof-ignored/fixed.c", NULL,
               HEAD
               "wire: delay 0ms\nneeds: wire\nclient:\n  connect\n  send \"a\\n\"\n"
               "  read \"A\\n\"\n  close\nrun: 500ms\n");
  played.options.step = true;
  played.options.on_event = release_each;
  played.options.context = &stepper;
  run_over_wire(&played);
  within_check(!played_failed(&played), "the client failed");
  within_check(stepper.released >= 7, "%u segments", stepper.released);
  played_end(&played);
}

WITHIN(run, program_that_does_not_listen_is_named) {
  struct played played;
  played_begin(&played, "#include <stdio.h>\nint main(void) { puts(\"no port\"); return 3; }\n",
               NULL, HEAD "client:\n  connect\n  close\n");
  const bool ok = lab_run(&played.options, &played.story, played.why);
  within_check(
      !ok && strstr(played.why, "ended (3)") != NULL && strstr(played.why, "no port") != NULL, "%s",
      played.why);
  lab_story_release(&played.story);
  played.options.program = "/nonexistent/program";
  within_check(!lab_run(&played.options, &played.story, played.why) &&
                   strstr(played.why, "/nonexistent/program: No such file") != NULL,
               "%s", played.why);
  played_end(&played);
}

WITHIN(run, unknown_sysctl_is_named) {
  struct played played;
  played_begin(&played, LABS "02-eof-ignored/fixed.c", NULL,
               HEAD "needs: wire\nsysctl: tcp_no_such_thing 1\nclient:\n  connect\n  close\n");
  const bool ok = lab_run(&played.options, &played.story, played.why);
  if (!ok && !played.story.wire) {
    played_end(&played);
    within_skip("%s", played.why);
  }
  within_check(!ok && strstr(played.why, "tcp_no_such_thing") != NULL, "%s", played.why);
  played_end(&played);
}
