/* SPDX-License-Identifier: MIT
 *
 * What HTTP servers make of requests that are not quite right: the battery of tests/http/smuggling,
 * each of its requests with an innocent one, the canary, behind it, sent to finale, nginx and Node.
 *
 *   answers [FINALE] [--json]
 *
 * `200 canary`: one request was seen and answered, then the canary; `400 closed`: a reply, then the
 * server closed; `waits`: it waits for more. An answer that the RFC does not allow is marked with
 * `!`. Exit status 1 if one of finale's is.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/http_case.h"
#include "support/http_outcome.h"
#include "support/http_reply.h"
#include "support/nginx.h"
#include "support/probe.h"
#include "support/scratch.h"
#include "support/server_process.h"

#define CANARY "GET /bytes?n=6 HTTP/1.1\r\nHost: a\r\n\r\n"
#define CANARY_BODY "012345"

enum { QUIET_MS = 1500, TEXT_MAX = 160, DOCUMENTS_MAX = 64, NAME_MAX_LEN = 32 };
enum { FINALE, NGINX, NODE, SERVERS };

struct row {
  const struct http_case *of;
  char *bytes; /* of the request, and the canary */
  size_t len;
  struct http_outcome seen[SERVERS];
};

struct answers {
  struct http_cases documents[DOCUMENTS_MAX];
  size_t document_count;
  struct row *rows;
  size_t row_count;
  char names[SERVERS][NAME_MAX_LEN]; /* as they call themselves; "": not installed */
};

/* ---- the servers ---- */

/* nginx has no handler that sends a body back; of a server behind it, it can ask that. What has
 * line ends does not fit into a field. */
static struct server_process start_nginx(void) {
  static const char locations[] =
      "error_log stderr crit; location = / { return 200 \"hello\"; } "
      "location = /bytes { return 200 \"" CANARY_BODY
      "\"; } "
      "location = /echo { client_body_in_single_buffer on; client_body_buffer_size 1m; "
      "proxy_pass http://unix:%s:/; proxy_set_body \"\"; proxy_set_header X-Body $shown; } "
      "location / { return 404; }";
  static const char others[] =
      "map $request_body $shown { \"\" \"\"; \"~^[ -~]*$\" $request_body; default \"other\"; } "
      "server { error_log stderr crit; listen unix:%s; location / { return 200 $http_x_body; } }";
  char *socket = scratch_path("echo"), *here, *there;
  if (asprintf(&here, locations, socket) < 0 || asprintf(&there, others, socket) < 0)
    bench_fail("no memory");
  struct server_process server = nginx_start_with(NULL, here, there);
  free(socket);
  free(here);
  free(there);
  return server;
}

static const char node_server[] =
    "const server = require('http').createServer((request, reply) => {\n"
    "  let body = '', path = '';\n"
    "  try { path = new URL(request.url, 'http://a').pathname; } catch { reply.statusCode = 400; "
    "}\n"
    "  reply.setHeader('Server', 'node/' + process.version.slice(1));\n"
    "  request.on('data', (data) => body += data).on('end', () => {\n"
    "    if (path === '/') return reply.end('hello');\n"
    "    if (path === '/bytes') return reply.end('" CANARY_BODY
    "');\n"
    "    if (path === '/echo') return reply.end(body);\n"
    "    if (path) reply.statusCode = 404;\n"
    "    reply.end();\n"
    "  });\n"
    "}).listen(0, '127.0.0.1', () =>\n"
    "  console.log('listening on 127.0.0.1:' + server.address().port));\n";

static struct server_process start(size_t which, const char *finale) {
  if (which == NGINX) return start_nginx();
  char *node = find_program("node");
  const char *const node_command[] = {node, "-e", node_server, NULL};
  const char *const finale_command[] = {finale, "serve", "http", "--listen", "127.0.0.1:0", NULL};
  struct server_process server =
      server_process_start(which == NODE ? node_command : finale_command);
  free(node);
  return server;
}

static bool is_installed(size_t which) {
  if (which == FINALE) return true;
  char *program = find_program(which == NGINX ? "nginx" : "node");
  free(program);
  return program != NULL;
}

/* ---- asking ---- */

static bool is_head(const struct probe *probe) { return strncmp(probe->send, "HEAD ", 5) == 0; }

static bool outcome_is_known(const struct probe *probe) {
  return http_outcome_read(probe->context, probe->data, probe->len, CANARY_BODY, is_head(probe),
                           probe->ended);
}

/* Nothing to compare if a proper request is not answered as it should be. */
static void ask_name(const struct server_process *server, size_t which, char *name) {
  static const char *const names[SERVERS] = {"finale", "nginx", "node"};
  struct http_outcome seen;
  struct http_reply reply;
  struct probe probe = {.send = CANARY, .send_len = sizeof CANARY - 1, .context = &seen};
  probes_run(&probe, 1, server->port, 10000, outcome_is_known);
  if (!outcome_is_known(&probe) || seen.end != HTTP_OUTCOME_CANARY)
    bench_fail("%s does not answer a proper request", names[which]);
  http_reply_read(&reply, probe.data, probe.len, false, false);
  const struct http_reply_field *field = http_reply_field(&reply, "Server");
  snprintf(name, NAME_MAX_LEN, "%s", names[which]);
  if (field) snprintf(name, NAME_MAX_LEN, "%.*s", (int)field->value.len, field->value.data);
  http_reply_free(&reply);
  free(probe.data);
}

static void ask(struct answers *answers, size_t which, const char *finale) {
  if (!is_installed(which)) return;
  struct server_process server = start(which, finale);
  struct probe *probes = calloc(answers->row_count, sizeof *probes);
  if (!probes) bench_fail("no memory");
  ask_name(&server, which, answers->names[which]);
  for (size_t i = 0; i < answers->row_count; i++) {
    struct row *row = &answers->rows[i];
    probes[i] =
        (struct probe){.send = row->bytes, .send_len = row->len, .context = &row->seen[which]};
  }
  probes_run(probes, answers->row_count, server.port, QUIET_MS, outcome_is_known);
  for (size_t i = 0; i < answers->row_count; i++) {
    outcome_is_known(&probes[i]);
    free(probes[i].data);
  }
  free(probes);
  server_process_stop(&server);
}

/* ---- the battery ---- */

static void add_row(struct answers *answers, const struct http_case *of) {
  struct row *rows = realloc(answers->rows, (answers->row_count + 1) * sizeof *rows);
  const struct http_bytes *send = &of->steps[0].send;
  char *bytes = malloc(send->len + sizeof CANARY);
  if (!rows || !bytes) bench_fail("no memory");
  memcpy(bytes, send->data, send->len);
  memcpy(bytes + send->len, CANARY, sizeof CANARY);
  answers->rows = rows;
  rows[answers->row_count++] =
      (struct row){.of = of, .bytes = bytes, .len = send->len + sizeof CANARY - 1};
}

static void read_battery(struct answers *answers) {
  char fault[1024];
  char **paths = http_documents(SMUGGLING_DIRECTORY);
  if (!paths) bench_fail("no documents in %s", SMUGGLING_DIRECTORY);
  for (size_t i = 0; paths[i] && i < DOCUMENTS_MAX; i++) {
    struct http_cases *document = &answers->documents[answers->document_count++];
    if (!http_cases_read(document, paths[i], fault, sizeof fault)) bench_fail("%s", fault);
    for (size_t k = 0; k < document->count; k++) add_row(answers, &document->cases[k]);
  }
  http_documents_free(paths);
}

static void free_battery(struct answers *answers) {
  for (size_t i = 0; i < answers->row_count; i++) free(answers->rows[i].bytes);
  for (size_t i = 0; i < answers->document_count; i++) http_cases_free(&answers->documents[i]);
  free(answers->rows);
}

/* ---- printing ---- */

/* Characters, not bytes of them. */
static void print_cell(const char *text, int width) {
  printf("%s%*s", text, width > (int)strlen(text) ? width - (int)strlen(text) : 0, "");
}

static void print_demand(const struct http_case *of) {
  char text[TEXT_MAX * 2] = "";
  for (size_t i = 0; i < of->outcome_count; i++) {
    size_t len = strlen(text);
    snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? " | " : "", of->outcomes[i]);
  }
  print_cell(text, 50);
}

static void print_row(const struct answers *answers, const struct row *row) {
  char text[TEXT_MAX];
  print_cell(row->of->title, 68);
  print_demand(row->of);
  for (size_t which = 0; which < SERVERS; which++) {
    if (!*answers->names[which]) continue;
    bool good = http_outcome_accepted(&row->seen[which], row->of);
    http_outcome_print(&row->seen[which], !good, text, sizeof text);
    printf(" %c ", good ? ' ' : '!');
    print_cell(text, which + 1 < SERVERS ? 22 : 0);
  }
  printf("\n    %s\n", row->of->rfc.data);
}

static size_t against(const struct answers *answers, size_t which) {
  size_t count = 0;
  for (size_t i = 0; i < answers->row_count; i++)
    count += !http_outcome_accepted(&answers->rows[i].seen[which], answers->rows[i].of);
  return count;
}

static void print_table(const struct answers *answers) {
  const char *path = NULL;
  for (size_t i = 0; i < answers->row_count; i++) {
    const struct row *row = &answers->rows[i];
    if (row->of->path != path) {
      path = row->of->path;
      printf("%s\n", i > 0 ? "" : "`!`: not what the RFC demands");
      print_cell(strrchr(path, '/') + 1, 68);
      print_cell("the RFC demands", 50);
      for (size_t which = 0; which < SERVERS; which++) {
        if (!*answers->names[which]) continue;
        printf("   ");
        print_cell(answers->names[which], which + 1 < SERVERS ? 22 : 0);
      }
      printf("\n");
    }
    print_row(answers, row);
  }
  printf("\n%zu requests", answers->row_count);
  for (size_t which = 0; which < SERVERS; which++) {
    static const char *const names[] = {"finale", "nginx", "Node"};
    if (*answers->names[which])
      printf("; %s: %zu against the RFC", answers->names[which], against(answers, which));
    else
      printf("; %s is not installed", names[which]);
  }
  printf("\n");
}

static void print_json_text(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    if ((unsigned char)*text < ' ')
      printf("\\u%04x", (unsigned)*text);
    else
      putchar(*text);
  }
  putchar('"');
}

static void print_json_row(const struct answers *answers, const struct row *row) {
  char text[TEXT_MAX];
  const char *comma = "";
  printf("{\"document\": ");
  print_json_text(strrchr(row->of->path, '/') + 1);
  printf(", \"title\": ");
  print_json_text(row->of->title);
  printf(", \"rfc\": ");
  print_json_text(row->of->rfc.data);
  printf(", \"accepted\": [");
  for (size_t i = 0; i < row->of->outcome_count; i++) {
    printf("%s", i > 0 ? ", " : "");
    print_json_text(row->of->outcomes[i]);
  }
  printf("], \"answers\": {");
  for (size_t which = 0; which < SERVERS; which++) {
    if (!*answers->names[which]) continue;
    http_outcome_print(&row->seen[which], false, text, sizeof text);
    printf("%s", comma);
    print_json_text(answers->names[which]);
    printf(": {\"seen\": ");
    print_json_text(text);
    printf(", \"good\": %s}", http_outcome_accepted(&row->seen[which], row->of) ? "true" : "false");
    comma = ", ";
  }
  printf("}}");
}

static void print_json(const struct answers *answers) {
  const char *comma = "";
  printf("{\"requests\": %zu, \"against\": {", answers->row_count);
  for (size_t which = 0; which < SERVERS; which++) {
    if (!*answers->names[which]) continue;
    printf("%s", comma);
    print_json_text(answers->names[which]);
    printf(": %zu", against(answers, which));
    comma = ", ";
  }
  printf("}, \"cases\": [\n");
  for (size_t i = 0; i < answers->row_count; i++) {
    print_json_row(answers, &answers->rows[i]);
    printf("%s\n", i + 1 < answers->row_count ? "," : "");
  }
  printf("]}\n");
}

int main(int argc, char **argv) {
  struct answers answers = {0};
  const char *finale = NULL;
  bool json = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else if (argv[i][0] != '-' && !finale)
      finale = argv[i];
    else
      bench_fail("unknown argument '%s'; write answers [FINALE] [--json]", argv[i]);
  }
  if (!finale) finale = built_program("../finale");
  raise_descriptor_limit();
  read_battery(&answers);
  for (size_t which = 0; which < SERVERS; which++) ask(&answers, which, finale);
  if (json)
    print_json(&answers);
  else
    print_table(&answers);
  bool wrong = against(&answers, FINALE) > 0;
  free_battery(&answers);
  return wrong ? 1 : 0;
}
