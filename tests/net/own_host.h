/* SPDX-License-Identifier: MIT
 *
 * A host of the test's own: a loopback interface, and its own /etc, where the names are that it
 * knows. The test stays there until it ends. For threads that begin later it is the same.
 */
#ifndef TESTS_NET_OWN_HOST_H
#define TESTS_NET_OWN_HOST_H

#include "support/net.h"

/* `names` is its /etc/hosts. Skips the test, saying why, without the rights to make it. Before
 * there is a loop. */
void own_host_begin(const char *names);

/* Of the addresses that the host knows for a name the one that comes first, second, ... */
void own_host_address(const char *name, unsigned index, char text[FIN_ADDRESS_MAX]);

/* Its resolver's name server, a socket. Without it other names than its own are unknown at once;
 * with it whoever asks for one waits, until the answer: nobody knows it. Returns how many questions
 * have been answered. */
int own_host_name_server(void);
unsigned own_host_answer(int name_server);

#endif
