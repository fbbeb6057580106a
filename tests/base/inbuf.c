/* SPDX-License-Identifier: MIT
 *
 * src/base/inbuf.c
 */
#include "base/inbuf.h"

#include <errno.h>

#include "counted.h"
#include "laws.h"

static const char *stream(size_t len) {
  static char bytes[1 << 20];
  if (!bytes[1])
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 2654435761u >> 13);
  MUST(len <= sizeof bytes, "the test asks for too long a stream");
  return bytes;
}

/* The buffer must hold the bytes [begin..end) of the stream. */
static void check(const struct fin_inbuf *buf, size_t begin, size_t end, uint64_t seed) {
  MUST(fin_inbuf_len(buf) == end - begin, "seed %lu: holds %zu instead of %zu", seed,
       fin_inbuf_len(buf), end - begin);
  if (begin == end) {
    MUST(!fin_inbuf_data(buf) && counted.live == 0, "seed %lu: empty, with memory", seed);
    return;
  }
  MUST(counted.live == 1, "seed %lu: %zu allocations", seed, counted.live);
  MUST(memcmp(fin_inbuf_data(buf), stream(end) + begin, end - begin) == 0,
       "seed %lu: other bytes than [%zu..%zu)", seed, begin, end);
}

Test(inbuf, is_empty_when_zeroed) {
  struct fin_inbuf buf = {0};
  cr_assert_eq(fin_inbuf_len(&buf), 0);
  cr_assert_null(fin_inbuf_data(&buf));
  fin_inbuf_consume(&buf, 0);
  fin_inbuf_clear(&buf);
  cr_assert_null(fin_inbuf_data(&buf));
}

Test(inbuf, appending_nothing_takes_no_memory) {
  counted_begin();
  struct fin_inbuf buf = {0};
  cr_assert_eq(fin_inbuf_append(&buf, NULL, 0), 0);
  cr_assert_eq(counted.calls, 0);
  cr_assert_null(fin_inbuf_data(&buf));
}

Test(inbuf, agrees_with_a_stream) {
  for (uint64_t seed = 1; seed <= 300; seed++) {
    uint64_t random = seed;
    struct fin_inbuf buf = {0};
    size_t begin = 0, end = 0, most = 0;
    counted_begin();
    for (unsigned step = 0; step < 400; step++) {
      size_t held = end - begin;
      size_t len = random_size(&random, 12);
      unsigned dice = (unsigned)random_below(&random, 100);
      if (dice < 50) {
        if (random_below(&random, 8) == 0) counted_fail_in(1);
        size_t calls = counted.calls;
        int err = fin_inbuf_append(&buf, stream(end + len) + end, len);
        bool failed = counted.calls > calls && counted.calls == counted.fail_at;
        MUST(err == (failed ? -ENOMEM : 0), "seed %lu: %d", seed, err);
        if (!err) end += len;
        if (end - begin > most) most = end - begin;
        counted.fail_at = 0;
      } else if (dice < 98) {
        size_t eaten = dice < 55 ? held : random_below(&random, held + 1);
        fin_inbuf_consume(&buf, eaten);
        begin += eaten;
      } else {
        fin_inbuf_clear(&buf);
        begin = end;
      }
      check(&buf, begin, end, seed);
      MUST(counted.bytes <= 4 * most + 128, "seed %lu: %zu bytes for %zu", seed, counted.bytes,
           most);
      if (begin == end) most = 0;
    }
    fin_inbuf_clear(&buf);
    check(&buf, end, end, seed);
  }
}

Test(inbuf, every_split_of_a_message_gives_the_same_bytes) {
  enum { LEN = 260 };
  counted_begin();
  for (size_t first = 0; first <= LEN; first++) {
    for (size_t eaten = 0; eaten <= first; eaten++) {
      struct fin_inbuf buf = {0};
      cr_assert_eq(fin_inbuf_append(&buf, stream(LEN), first), 0);
      fin_inbuf_consume(&buf, eaten);
      MUST(fin_inbuf_append(&buf, stream(LEN) + first, LEN - first) == 0, "no memory");
      check(&buf, eaten, LEN, first);
      fin_inbuf_clear(&buf);
    }
  }
}

Test(inbuf, grows_in_few_steps) {
  counted_begin();
  struct fin_inbuf buf = {0};
  for (size_t i = 0; i < 1 << 20; i++)
    MUST(fin_inbuf_append(&buf, stream(i + 1) + i, 1) == 0, "no memory");
  check(&buf, 0, 1 << 20, 0);
  cr_assert(counted.calls <= 16, "%zu allocations for 2^20 bytes, one at a time", counted.calls);
  fin_inbuf_clear(&buf);
}

/* One byte in, one byte out, a thousand times what is held, in a block that it nearly fills: the
 * bytes must not move every few steps, and the block must not grow with what passes through it. */
Test(inbuf, a_sliding_window_is_cheap) {
  enum { HELD = 1000, STEPS = 1000 * HELD, FIRST = HELD / 2 + 5 };
  counted_begin();
  struct fin_inbuf buf = {0};
  size_t moves = 0;
  cr_assert_eq(fin_inbuf_append(&buf, stream(HELD), FIRST), 0);
  cr_assert_eq(fin_inbuf_append(&buf, stream(HELD) + FIRST, HELD - FIRST), 0);
  for (size_t i = 0; i < STEPS; i++) {
    const char *data = fin_inbuf_data(&buf);
    MUST(fin_inbuf_append(&buf, stream(HELD + i + 1) + HELD + i, 1) == 0, "no memory");
    if (fin_inbuf_data(&buf) != data) moves++;
    fin_inbuf_consume(&buf, 1);
    MUST(counted.bytes <= 4 * HELD + 200, "%zu bytes for %d", counted.bytes, HELD);
  }
  check(&buf, STEPS, STEPS + HELD, 0);
  cr_assert(moves <= STEPS / HELD + 2, "the bytes moved %zu times", moves);
  fin_inbuf_clear(&buf);
}

Test(inbuf, a_failed_append_changes_nothing) {
  counted_begin();
  struct fin_inbuf buf = {0};
  counted_fail_in(1);
  cr_assert_eq(fin_inbuf_append(&buf, stream(10), 10), -ENOMEM);
  check(&buf, 0, 0, 0);
  cr_assert_eq(fin_inbuf_append(&buf, stream(10), 10), 0);
  counted_fail_in(1);
  cr_assert_eq(fin_inbuf_append(&buf, stream(5000) + 10, 4990), -ENOMEM);
  check(&buf, 0, 10, 0);
  cr_assert_eq(fin_inbuf_append(&buf, stream(5000) + 10, 4990), 0);
  check(&buf, 0, 5000, 0);
  fin_inbuf_clear(&buf);
}
