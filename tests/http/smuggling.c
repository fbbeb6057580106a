/* SPDX-License-Identifier: MIT
 *
 * The battery in smuggling/: requests that two servers in a row might understand differently. None
 * becomes two, and each is answered as the RFC demands, wherever it is cut.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "http/site.h"
#include "support/http_outcome.h"

enum { QUIET_MS = 300, SEEN_MAX = 256 };

/* The bytes of a case, with the canary behind them. */
static struct http_bytes bytes_of(const struct http_case *of) {
  const struct http_bytes *send = &of->steps[0].send;
  struct http_bytes bytes = {malloc(send->len + sizeof SITE_CANARY), 0};
  cr_assert(bytes.data != NULL);
  memcpy(bytes.data, send->data, send->len);
  memcpy(bytes.data + send->len, SITE_CANARY, sizeof SITE_CANARY);
  bytes.len = send->len + sizeof SITE_CANARY - 1;
  return bytes;
}

static struct http_outcome observe(struct site_client *client, const struct http_bytes *bytes) {
  struct http_outcome seen;
  bool bodiless = strncmp(bytes->data, "HEAD ", 5) == 0;
  while (!http_outcome_read(&seen, client->data, client->len, SITE_CANARY_BODY, bodiless,
                            client->ended) &&
         site_receive(client, QUIET_MS))
    continue;
  return seen;
}

static bool run_cut(struct site *site, const struct http_case *of, const struct http_bytes *bytes,
                    size_t cut) {
  struct site_client client;
  char text[SEEN_MAX];
  site_dial(&client, site, site->plain);
  site_send(&client, bytes->data, cut);
  site_send(&client, bytes->data + cut, bytes->len - cut);
  struct http_outcome seen = observe(&client, bytes);
  bool said = seen.reply_count > 0 && !seen.half && !client.error; /* not every server has to */
  bool good = http_outcome_accepted(&seen, of) && said;
  http_outcome_print(&seen, true, text, sizeof text);
  if (!good)
    fprintf(stderr, "%s:%u: %s: cut at byte %zu: seen: %s%s\n", of->path, of->line, of->title, cut,
            text, client.error ? " reset" : "");
  site_leave(&client);
  return good;
}

static bool well_formed(const struct http_case *of) {
  struct http_outcome outcome;
  bool good = of->step_count == 1 && of->outcome_count > 0 && of->rfc.len > 0;
  for (size_t i = 0; i < of->outcome_count; i++)
    good = good && http_outcome_parse(&outcome, of->outcomes[i]);
  if (!good)
    fprintf(stderr, "%s:%u: bytes, what the RFC demands, and outcomes\n", of->path, of->line);
  return good;
}

static bool run_case(struct site *site, const struct http_case *of) {
  if (!well_formed(of)) return false;
  struct http_bytes bytes = bytes_of(of);
  bool good = true;
  for (size_t cut = 0; good && cut < bytes.len; cut++)
    if (site_worth_a_cut(&bytes, cut)) good = run_cut(site, of, &bytes, cut);
  free(bytes.data);
  return good;
}

ParameterizedTestParameters(http_smuggling, document) {
  size_t count;
  struct site_document *documents = site_documents("smuggling", &count);
  return cr_make_param_array(struct site_document, documents, count);
}

ParameterizedTest(struct site_document *document, http_smuggling, document) {
  struct site site;
  struct http_cases cases;
  char fault[1024] = "";
  unsigned failures = 0;
  cr_assert(http_cases_read(&cases, document->path, fault, sizeof fault), "%s", fault);
  site_begin(&site);
  for (size_t i = 0; i < cases.count; i++) failures += !run_case(&site, &cases.cases[i]);
  cr_assert_eq(failures, 0, "%u of %zu requests of %s failed, listed on stderr", failures,
               cases.count, document->path);
  http_cases_free(&cases);
  site_end(&site);
}

/* The battery is as large as is said of it. */
Test(http_smuggling, has_at_least_80_requests) {
  size_t documents, count = 0;
  struct site_document *list = site_documents("smuggling", &documents);
  for (size_t i = 0; i < documents; i++) {
    struct http_cases cases;
    char fault[1024] = "";
    cr_assert(http_cases_read(&cases, list[i].path, fault, sizeof fault), "%s", fault);
    count += cases.count;
    http_cases_free(&cases);
  }
  cr_assert(count >= 80, "%zu", count);
}
