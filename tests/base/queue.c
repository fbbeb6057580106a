/* SPDX-License-Identifier: MIT
 *
 * src/base/queue.c
 */
#include "base/queue.h"

#include <errno.h>

#include "base/pool.h"
#include "counted.h"
#include "laws.h"

enum { STREAM = 1 << 24, PARTS = 4096 };

/* The stream of bytes that every test queues: [begin..end) is what the queue must hold. */
struct world {
  struct fin_queue queue;
  struct fin_pool pool;
  size_t begin, end;
  uint64_t seed;
};

static const char *stream(size_t len) {
  static char bytes[STREAM];
  if (!bytes[1])
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 2654435761u >> 13);
  MUST(len <= sizeof bytes, "the test asks for too long a stream");
  return bytes;
}

static void begin(struct world *world, uint64_t seed) {
  *world = (struct world){.seed = seed};
  counted_begin();
  fin_pool_init(&world->pool, fin_chunk_size);
}

static unsigned check(const struct world *world) {
  static struct iovec parts[PARTS];
  unsigned count = fin_queue_parts(&world->queue, parts, PARTS);
  size_t at = world->begin;
  MUST(world->queue.len == world->end - world->begin, "seed %lu: len is %zu instead of %zu",
       world->seed, world->queue.len, world->end - world->begin);
  for (unsigned i = 0; i < count; i++) {
    MUST(parts[i].iov_len > 0, "seed %lu: part %u is empty", world->seed, i);
    MUST(at + parts[i].iov_len <= world->end, "seed %lu: too many bytes", world->seed);
    MUST(memcmp(parts[i].iov_base, stream(world->end) + at, parts[i].iov_len) == 0,
         "seed %lu: other bytes in part %u", world->seed, i);
    at += parts[i].iov_len;
  }
  MUST(count == PARTS || at == world->end, "seed %lu: %zu bytes are missing", world->seed,
       world->end - at);
  return count;
}

static void append(struct world *world, size_t len) {
  size_t end = world->end + len;
  MUST(fin_queue_append(&world->queue, &world->pool, stream(end) + world->end, len) == 0,
       "no memory");
  world->end = end;
}

static void consume(struct world *world, size_t len) {
  fin_queue_consume(&world->queue, &world->pool, len);
  world->begin += len;
}

/* Everything must come back, with the queue empty. */
static void end(struct world *world) {
  fin_queue_clear(&world->queue, &world->pool);
  world->begin = world->end;
  (void)check(world);
  MUST(!world->queue.last, "seed %lu: empty, with memory", world->seed);
  MUST(world->pool.live == 0, "seed %lu: %zu chunks left", world->seed, world->pool.live);
  fin_pool_fini(&world->pool);
  MUST(counted.live == 0, "seed %lu: %zu allocations left", world->seed, counted.live);
}

Test(queue, is_empty_when_zeroed) {
  struct world world;
  struct iovec part;
  begin(&world, 0);
  cr_assert_eq(fin_queue_parts(&world.queue, &part, 1), 0);
  append(&world, 0);
  cr_assert_eq(fin_queue_append(&world.queue, &world.pool, NULL, 0), 0);
  consume(&world, 0);
  cr_assert_eq(counted.calls, 0);
  end(&world);
}

Test(queue, small_writes_share_a_chunk) {
  struct world world;
  begin(&world, 0);
  for (unsigned i = 0; i < 1000; i++) append(&world, 4);
  cr_assert_eq(check(&world), 1);
  cr_assert_eq(world.pool.live, 1);
  for (unsigned i = 0; i < 1000; i++) append(&world, 4);
  cr_assert_eq(check(&world), 2, "a write is split to fill the last chunk");
  end(&world);
}

Test(queue, a_large_write_is_one_allocation) {
  struct world world;
  begin(&world, 0);
  append(&world, 1000000);
  cr_assert_eq(check(&world), 1);
  cr_assert_eq(counted.calls, 1);
  append(&world, 10);
  append(&world, 1000000);
  cr_assert_eq(check(&world), 3, "the last chunk is filled first");
  end(&world);
}

Test(queue, an_emptied_queue_holds_no_memory) {
  struct world world;
  begin(&world, 0);
  append(&world, 30000);
  append(&world, 10);
  consume(&world, 30010);
  cr_assert_null(world.queue.last);
  cr_assert_eq(world.pool.live, 0);
  append(&world, 10);
  cr_assert_eq(check(&world), 1);
  end(&world);
}

Test(queue, parts_are_at_most_max_and_from_the_front) {
  struct world world;
  struct iovec parts[8];
  begin(&world, 0);
  for (unsigned i = 0; i < 10; i++) append(&world, 4000);
  unsigned all = check(&world);
  for (unsigned max = 0; max <= 8; max++) {
    memset(parts, 0, sizeof parts);
    unsigned count = fin_queue_parts(&world.queue, parts, max);
    cr_assert_eq(count, max < all ? max : all);
    if (max < 8) cr_assert_null(parts[max].iov_base, "nothing is written behind max");
  }
  end(&world);
}

Test(queue, every_length_and_split_around_the_boundaries) {
  struct iovec part;
  struct world world;
  begin(&world, 0);
  append(&world, 2 * fin_chunk_size);
  cr_assert_eq(fin_queue_parts(&world.queue, &part, 1), 1);
  size_t room = part.iov_len; /* of one chunk */
  end(&world);
  const size_t around[] = {1,        room - 1,     room,         room + 1, 4 * room - 1,
                           4 * room, 4 * room + 1, 5 * room - 1, 5 * room, 5 * room + 1,
                           20 * room};
  enum { LENGTHS = sizeof around / sizeof *around };
  for (size_t a = 0; a < LENGTHS; a++)
    for (size_t b = 0; b < LENGTHS; b++)
      for (size_t c = 0; c < LENGTHS; c++) {
        begin(&world, a * 10000 + b * 100 + c);
        append(&world, around[a]);
        append(&world, around[b]);
        (void)check(&world);
        size_t eaten = around[c] < world.end ? around[c] : world.end;
        consume(&world, eaten);
        (void)check(&world);
        append(&world, around[c]);
        (void)check(&world);
        consume(&world, world.end - world.begin);
        (void)check(&world);
        end(&world);
      }
}

/* A write in flight points at the queue's bytes: neither they nor their place may change while more
 * is appended. */
Test(queue, bytes_in_flight_stay_where_they_are) {
  for (uint64_t seed = 1; seed <= 50; seed++) {
    uint64_t random = seed;
    struct world world;
    struct iovec parts[64];
    begin(&world, seed);
    append(&world, 1 + random_size(&random, 15));
    for (unsigned round = 0; round < 20; round++) {
      unsigned count = fin_queue_parts(&world.queue, parts, 64);
      size_t in_flight = 0;
      for (unsigned i = 0; i < 10; i++) append(&world, 1 + random_size(&random, 15));
      for (unsigned i = 0; i < count; i++) {
        MUST(memcmp(parts[i].iov_base, stream(world.end) + world.begin + in_flight,
                    parts[i].iov_len) == 0,
             "seed %lu: bytes in flight changed", seed);
        in_flight += parts[i].iov_len;
      }
      consume(&world, in_flight);
      (void)check(&world);
    }
    end(&world);
  }
}

/* ---- taken data ---- */

enum { TAKEN_MAX = 4096 };

struct taken {
  const void *data;
  size_t end; /* in the stream */
  unsigned released;
};

static struct taken taken[TAKEN_MAX];
static size_t takes;

static void note_release(void *arg, const void *data) {
  struct taken *of = arg;
  MUST(data == of->data, "released with other data than was taken");
  of->released++;
}

static int take(struct world *world, size_t len) {
  struct taken *of = &taken[takes];
  *of = (struct taken){.data = stream(world->end + len) + world->end, .end = world->end + len};
  int err = fin_queue_take(&world->queue, of->data, len, note_release, of);
  MUST(!err || of->released == 0, "released although it failed");
  if (err) return err;
  takes++;
  world->end += len;
  return 0;
}

/* What was taken is released once, when its last byte is consumed, not before. */
static void check_taken(const struct world *world) {
  for (size_t i = 0; i < takes; i++)
    MUST(taken[i].released == (taken[i].end <= world->begin),
         "seed %lu: take %zu released %u times", world->seed, i, taken[i].released);
}

Test(queue, taken_data_is_not_copied) {
  struct world world;
  struct iovec parts[3];
  begin(&world, 0);
  append(&world, 10);
  cr_assert_eq(take(&world, 100000), 0);
  append(&world, 10);
  cr_assert_eq(fin_queue_parts(&world.queue, parts, 3), 3);
  cr_assert_eq(parts[1].iov_base, taken[0].data);
  cr_assert_eq(parts[1].iov_len, 100000);
  (void)check(&world);
  consume(&world, 100009);
  check_taken(&world);
  cr_assert_eq(taken[0].released, 0);
  consume(&world, 1);
  cr_assert_eq(taken[0].released, 1);
  end(&world);
  cr_assert_eq(taken[0].released, 1);
}

Test(queue, taken_data_is_released_when_dropped) {
  struct world world;
  begin(&world, 0);
  for (unsigned i = 0; i < 10; i++) cr_assert_eq(take(&world, 1 + i), 0);
  consume(&world, 3);
  end(&world);
  check_taken(&world);
}

Test(queue, nothing_taken_is_released_at_once) {
  struct world world;
  begin(&world, 0);
  cr_assert_eq(take(&world, 0), 0);
  cr_assert_eq(taken[0].released, 1);
  cr_assert_eq(counted.calls, 0);
  cr_assert_eq(fin_queue_take(&world.queue, stream(1), 1, NULL, NULL), 0, "static data");
  world.end = 1;
  end(&world);
}

Test(queue, agrees_with_a_stream) {
  for (uint64_t seed = 1; seed <= 200; seed++) {
    uint64_t random = seed;
    struct world world;
    begin(&world, seed);
    takes = 0;
    for (unsigned step = 0; step < 500; step++) {
      size_t held = world.end - world.begin;
      size_t len = random_size(&random, random_below(&random, 10) == 0 ? 17 : 13);
      unsigned dice = (unsigned)random_below(&random, 100);
      size_t calls = counted.calls;
      int err = 0;
      if (random_below(&random, 8) == 0) counted_fail_in(1 + random_below(&random, 3));
      if (dice < 40) {
        err = fin_queue_append(&world.queue, &world.pool, stream(world.end + len) + world.end, len);
        if (!err) world.end += len;
      } else if (dice < 50) {
        err = take(&world, len + 1);
      } else if (dice < 99) {
        consume(&world, dice < 55 ? held : random_below(&random, held + 1));
      } else {
        fin_queue_clear(&world.queue, &world.pool);
        world.begin = world.end;
      }
      bool failed = counted.calls > calls && counted.calls == counted.fail_at;
      MUST(err == (failed ? -ENOMEM : 0), "seed %lu: %d", seed, err);
      counted.fail_at = 0;
      (void)check(&world);
      check_taken(&world);
    }
    end(&world);
    check_taken(&world);
  }
}

/* Whichever allocation fails, a write is queued whole or not at all, and nothing is lost. */
Test(queue, each_allocation_fails_once) {
  const size_t lengths[] = {10, 4000, 9000, 16000, 300000, 5, 12000, 12000, 12000, 12000, 12000};
  bool failed = true;
  for (size_t nth = 1; failed; nth++) {
    struct world world;
    begin(&world, nth);
    counted.fail_at = nth;
    failed = false;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
      size_t len = lengths[i], live = world.pool.live;
      const char *data = stream(world.end + len) + world.end;
      if (fin_queue_append(&world.queue, &world.pool, data, len) == 0) {
        world.end += len;
      } else {
        MUST(!failed, "one failure is reported once");
        MUST(world.pool.live == live, "chunks are left of what failed");
        failed = true;
      }
      (void)check(&world);
    }
    MUST(failed || counted.calls < nth, "a failure went unnoticed");
    end(&world);
  }
}
