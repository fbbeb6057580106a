/* SPDX-License-Identifier: MIT
 *
 * The mix of clients: seven kinds, some in more than one variety. Every one is bounded, so that the
 * whole load is over in LOAD_MS (demo_load.c) and a little.
 */
#include "demo.h"

#define NEVER UINT32_MAX

const struct demo_manner demo_manners[] = {
    {.name = "polite",
     .share = 24,
     .first = "the quick brown fox jumps over the lazy dog\n",
     .first_times = 1,
     .repeats = true,
     .stays = true},

    /* printf '...' | nc -N: all requests, FIN, then wait for the replies. More than the kernel
     * buffers, so that part of them still waits in the server when it reads the FIN. */
    {.name = "half-close",
     .share = 18,
     .first = "SEND 32000\n",
     .first_times = 8,
     .ends = true,
     .read_from_ms = 150,
     .stays = true},

    /* One reply read, further requests sent behind, gone without reading theirs. */
    {.name = "leave while paused",
     .share = 14,
     .first = "SEND 40000\n",
     .first_times = 1,
     .behind = "SEND 131072\n",
     .behind_times = 4,
     .behind_ms = 200,
     .read_max = 40000,
     .end_ms = 500,
     .close_ms = 1000},
    /* The same, but its FIN waits behind more requests than the server's buffer holds. */
    {.name = "leave while paused",
     .share = 4,
     .first = "SEND 40000\n",
     .first_times = 1,
     .behind = "and another one, and another one, and another one\n",
     .behind_times = 6000,
     .behind_ms = 200,
     .read_max = 40000,
     .end_ms = 500,
     .close_ms = 1000},
    /* The same, but it stands in the door: FIN sent, nothing read, not closed. */
    {.name = "leave while paused",
     .share = 4,
     .first = "SEND 40000\n",
     .first_times = 1,
     .behind = "SEND 131072\n",
     .behind_times = 4,
     .behind_ms = 200,
     .read_max = 40000,
     .end_ms = 500},

    {.name = "reset",
     .share = 6,
     .first = "SEND 262144\n",
     .first_times = 1,
     .read_from_ms = NEVER,
     .reset_ms = 500},
    {.name = "reset", .share = 4, .first = "goodbye\n", .first_times = 1, .reset_ms = 500},

    /* 80 KB/s: longer than any timeout of the server, but always progressing. */
    {.name = "slow reader",
     .share = 8,
     .first = "SEND 262144\n",
     .first_times = 1,
     .read_step = 4096,
     .read_every_ms = 50,
     .stays = true},
    {.name = "slow reader",
     .share = 4,
     .first = "SEND 1048576\n",
     .first_times = 1,
     .read_from_ms = NEVER},

    /* A line of 2,240 bytes in three seconds and a half. */
    {.name = "slow writer",
     .share = 4,
     .first = "a little at a time, ",
     .first_times = 112,
     .behind = "\n",
     .behind_times = 1,
     .write_step = 64,
     .write_every_ms = 100,
     .stays = true},
    /* A byte now and then, and never a whole line. */
    {.name = "slow writer",
     .share = 4,
     .first = "very slowly ",
     .first_times = 20,
     .write_step = 1,
     .write_every_ms = 100},

    {.name = "silent", .share = 6},
};

const size_t demo_manner_count = sizeof demo_manners / sizeof *demo_manners;
