// SPDX-License-Identifier: MIT
//
// Node's http.Agent with keepAlive: sockets are used again, and no request runs into the server's
// closing of an idle connection, which is near. usage: node keep_alive.js PORT
'use strict';
const assert = require('assert');
const http = require('http');

const agent = new http.Agent({ keepAlive: true, maxSockets: 10 });
const sockets = new Set();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function ask(path, method, body) {
  return new Promise((resolve, reject) => {
    const options = { port: process.argv[2], host: '127.0.0.1', agent, path, method };
    const request = http.request(options, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    request.on('socket', (socket) => sockets.add(socket));
    request.on('error', reject);
    request.end(body);
  });
}

async function main() {
  for (let i = 0; i < 100; i++) {
    const reply = await ask('/echo', 'POST', 'body ' + i);
    assert.deepStrictEqual(reply, { status: 200, text: 'body ' + i });
  }
  assert.strictEqual(sockets.size, 1, 'sockets of 100 requests one after the other');

  const paths = ['/', '/bytes?n=100000', '/stream?chunks=3&ms=1', '/slow?ms=5', '/none'];
  const asked = Array.from({ length: 50 }, (_, i) => ask(paths[i % paths.length], 'GET'));
  const statuses = (await Promise.all(asked)).map((reply) => reply.status);
  assert.strictEqual(statuses.filter((status) => status === 200).length, 40);
  assert.strictEqual(statuses.filter((status) => status === 404).length, 10);
  assert(sockets.size <= 10, sockets.size + ' sockets of 50 requests side by side');

  for (const ms of [990, 1010, 1990, 2010]) { // around what the server says, below what it does
    await sleep(ms);
    const replies = await Promise.all(Array.from({ length: 10 }, () => ask('/', 'GET')));
    assert(replies.every((reply) => reply.status === 200));
  }
  console.log(`${sockets.size} sockets for 190 requests`);
  agent.destroy();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
  agent.destroy();
});
