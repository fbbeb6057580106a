// SPDX-License-Identifier: MIT
//
// Opens every page of a directory in Chromium, wide and narrow, light and dark, and looks at what
// came of it: no message on the console, nothing fetched, curves with points, nothing that overflows,
// text that stands out from what is behind it.
//
// usage: page.mjs CHROMIUM DIRECTORY
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [chromium, directory] = process.argv.slice(2);
const DEADLINE_MS = 100000;
const CONTRAST_LEAST = 4.5; // WCAG 2.2, 1.4.3

// Points that the longest path of each kind has at least, where a page is to have it.
const curves = {
  clean: { '.line.flow': 20, '.line.p50': 20, '.line.max': 20, '#curve-title ~ svg .line': 200, '.area.established': 100 },
  rude: { '.line.p99': 20, '.area.close-wait': 100, '.area.fin-wait': 100, '.area.queued': 100 },
  second: { '.line.flow': 2, '.line.p99': 2, '#curve-title ~ svg .line': 200 },
  silent: { '.line.flow': 2 },
  gaps: { '.line.p50': 12 },
  remote: { '.line.p50': 20, '.area.established': 100 },
  hour: { '.line.flow': 1000, '.area.established': 500 },
  hostile: { '.line.flow': 4 },
};

// ---- the browser ----

const profile = mkdtempSync(join(tmpdir(), 'finale-page-'));
const browser = spawn(
  chromium,
  ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions',
   '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage',
   `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'],
  { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true });
const [, , , commands, answers] = browser.stdio;

let last = 0;
const waiting = new Map();
let heard = () => {};

function call(method, params = {}, sessionId = undefined) {
  const id = ++last;
  commands.write(JSON.stringify({ id, method, params, sessionId }) + '\0');
  return new Promise((done, failed) => waiting.set(id, { done, failed, method }));
}

let rest = '';
answers.setEncoding('utf8');
answers.on('data', (text) => {
  const messages = (rest + text).split('\0');
  rest = messages.pop();
  for (const message of messages.map((m) => JSON.parse(m))) {
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (!call) heard(message);
    else if (message.error) call.failed(new Error(`${call.method}: ${message.error.message}`));
    else call.done(message.result);
  }
});

// ---- what is looked at, in the page ----

function look(curves, least, width) {
  const faults = [];
  for (const [selector, points] of Object.entries(curves)) {
    const found = [...document.querySelectorAll(`path${selector}, ${selector}`)]
      .filter((e) => e instanceof SVGPathElement);
    const most = Math.max(0, ...found.map((p) => (p.getAttribute('d').match(/[ML]/g) || []).length));
    if (most < points) faults.push(`${selector} has ${most} points, not ${points}`);
    if (!found.some((p) => p.getTotalLength() > 0)) faults.push(`${selector} is not drawn`);
  }

  const root = document.documentElement;
  if (root.scrollWidth > width) faults.push(`${root.scrollWidth} wide in ${width}`);
  for (const text of document.querySelectorAll('svg text')) {
    const box = text.getBoundingClientRect();
    if (box.width > 0 && (box.left < 0 || box.right > width))
      faults.push(`"${text.textContent}" is cut off`);
  }
  // Neighbours on an axis do not touch.
  for (const plot of document.querySelectorAll('.plot')) {
    const boxes = [...plot.querySelectorAll('text.x')].map((t) => t.getBoundingClientRect())
      .filter((b) => b.width > 0);
    boxes.slice(1).forEach((b, i) => {
      if (b.left < boxes[i].right + 2) faults.push(`labels touch in ${plot.firstChild.textContent}`);
    });
  }
  for (const svg of document.querySelectorAll('svg[role=img]'))
    for (const id of svg.getAttribute('aria-labelledby').split(' '))
      if (!document.getElementById(id)?.textContent) faults.push(`no text for ${id}`);

  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const poor = new Set();
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    if (['title', 'desc', 'STYLE'].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const text = light(element.closest('svg') ? style.fill : style.color);
    const own = style.backgroundColor.endsWith(', 0)') ? ground : light(style.backgroundColor);
    const contrast = (Math.max(text, own) + 0.05) / (Math.min(text, own) + 0.05);
    if (contrast < least) poor.add(`${element.tagName} ${element.className}: ${contrast.toFixed(1)}`);
  }
  for (const one of poor) faults.push(`contrast of ${one}`);
  return { faults, dark: ground < 0.5, paths: document.querySelectorAll('path').length };
}

async function open(session, file, width, scheme) {
  const url = pathToFileURL(resolve(file)).href;
  const faults = [];
  const run = (method, params) => call(method, params, session);
  const loaded = new Promise((done) => {
    heard = ({ method, params }) => {
      if (method === 'Page.loadEventFired') done();
      if (method === 'Network.requestWillBeSent' && params.request.url !== url && !params.request.url.startsWith('data:'))
        faults.push(`fetched ${params.request.url}`);
      if (method === 'Runtime.consoleAPICalled') faults.push(`console: ${JSON.stringify(params.args)}`);
      if (method === 'Runtime.exceptionThrown') faults.push(`exception: ${params.exceptionDetails.text}`);
      if (method === 'Log.entryAdded') faults.push(`log: ${params.entry.text}`);
      if (method === 'Page.javascriptDialogOpening') faults.push(`dialogue: ${params.message}`);
    };
  });
  await run('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 });
  await run('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await run('Page.navigate', { url });
  await loaded;
  const expected = curves[basename(file, '.html')] ?? {};
  const { result, exceptionDetails } = await run('Runtime.evaluate', {
    expression: `(${look})(${JSON.stringify(expected)}, ${CONTRAST_LEAST}, ${width})`, returnByValue: true });
  if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
  faults.push(...result.value.faults);
  if (result.value.dark !== (scheme === 'dark')) faults.push(`is not ${scheme}`);
  return { faults, paths: result.value.paths };
}

// ---- all pages ----

async function main() {
  const files = readdirSync(directory).filter((f) => f.endsWith('.html')).sort();
  for (const name of Object.keys(curves))
    if (!files.includes(`${name}.html`)) throw new Error(`no page ${name}`);
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(`${domain}.enable`, {}, sessionId);
  let failed = 0;
  for (const file of files)
    for (const width of [1200, 400])
      for (const scheme of ['light', 'dark']) {
        const { faults, paths } = await open(sessionId, join(directory, file), width, scheme);
        console.log(`${file} ${width} ${scheme}: ${faults.length > 0 ? 'FAILED' : `${paths} paths`}`);
        for (const fault of faults) console.log(`  ${fault}`);
        failed += faults.length;
      }
  return failed > 0 ? 1 : 0;
}

const deadline = new Promise((_, failed) =>
  setTimeout(() => failed(new Error('the browser does not answer')), DEADLINE_MS).unref());
const ended = new Promise((_, failed) => {
  browser.on('error', failed);
  browser.on('exit', (status) => failed(new Error(`the browser has ended: ${status}`)));
});
try {
  process.exitCode = await Promise.race([main(), deadline, ended]);
} catch (error) {
  console.log(`FAILED: ${error.message}`);
  process.exitCode = 1;
} finally {
  browser.removeAllListeners('exit');
  const gone = new Promise((done) => browser.on('exit', done));
  if (browser.exitCode === null && browser.pid) {
    process.kill(-browser.pid, 'SIGKILL'); // and its helpers, which write to the profile
    await gone;
  }
  rmSync(profile, { recursive: true, force: true, maxRetries: 30, retryDelay: 50 });
}
