/* SPDX-License-Identifier: MIT
 *
 * See two_hosts.h.
 */
#include "two_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int here(void) {
  int ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  cr_assert_geq(ns, 0, "namespace: %s", strerror(errno));
  return ns;
}

static void go(int ns) { cr_assert_eq(setns(ns, CLONE_NEWNET), 0, "setns: %s", strerror(errno)); }

static bool runs(const char *command) {
  int status = system(command);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run(const char *command) { cr_assert(runs(command), "failed: %s", command); }

/* The addresses' neighbours are told, so that a cut wire is not noticed by ARP before TCP. */
static void lay_wire(struct two_hosts *hosts) {
  char command[256];
  go(hosts->client);
  snprintf(command, sizeof command,
           "ip link add clientside address 02:00:00:00:00:02 type veth peer name serverside "
           "address 02:00:00:00:00:01 netns /proc/%d/fd/%d",
           (int)getpid(), hosts->server);
  run(command);
  run("ip address add " TWO_HOSTS_CLIENT
      "/24 dev clientside && ip link set clientside up && "
      "ip neighbour add " TWO_HOSTS_SERVER " lladdr 02:00:00:00:00:01 dev clientside");
  go(hosts->server);
  run("ip address add " TWO_HOSTS_SERVER
      "/24 dev serverside && ip link set serverside up && "
      "ip neighbour add " TWO_HOSTS_CLIENT " lladdr 02:00:00:00:00:02 dev serverside");
}

void two_hosts_begin(struct two_hosts *hosts) {
  if (geteuid() != 0) cr_skip_test("network namespaces need root");
  if (!runs("command -v ip >/dev/null")) cr_skip_test("ip is not installed (iproute2)");
  if (!runs("command -v nft >/dev/null")) cr_skip_test("nft is not installed (nftables)");
  hosts->home = here();
  if (unshare(CLONE_NEWNET)) {
    close(hosts->home);
    cr_skip_test("no network namespaces here: %s", strerror(errno));
  }
  hosts->server = here();
  cr_assert_eq(unshare(CLONE_NEWNET), 0);
  hosts->client = here();
  lay_wire(hosts);
}

void two_hosts_end(struct two_hosts *hosts) {
  go(hosts->home);
  close(hosts->server);
  close(hosts->client);
  close(hosts->home);
}

int two_hosts_connect(struct two_hosts *hosts, struct net *net) {
  go(hosts->client); /* a socket belongs to the namespace that it was made in */
  int peer = net_connect_to(net, TWO_HOSTS_SERVER);
  go(hosts->server);
  return peer;
}

/* On the client's host, so that the server's learns nothing: not even that it could not send. */
void two_hosts_cut(struct two_hosts *hosts) {
  go(hosts->client);
  run("nft 'add table inet cut; "
      "add chain inet cut in { type filter hook input priority 0; policy drop; }; "
      "add chain inet cut out { type filter hook output priority 0; policy drop; }'");
  go(hosts->server);
}

void two_hosts_mend(struct two_hosts *hosts) {
  go(hosts->client);
  run("nft delete table inet cut");
  go(hosts->server);
}
