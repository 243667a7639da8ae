// SPDX-License-Identifier: GPL-2.0-or-later
// What goes wrong around the view, and how soon it is right again after the cause has ended.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';

import { launch, View } from './browser.mjs';
import { Server } from './server.mjs';

const OUT = process.env.MATTX_E2E_OUT ?? '.';
const LIMIT_MS = 5000 * Number(process.env.MATTX_E2E_PATIENCE ?? 1);
const CUT_MS = 30_000;

let browser;
before(async () => { browser = await launch(); });
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(() => browser?.close());

async function back(view, what, since) {
  await view.until(`${what} to be over`, (state) => state.ready && state.connected, 60_000);
  const took = Date.now() - since;
  console.log(`recovered ${took} ms after ${what} (limit ${LIMIT_MS})`);
  assert.ok(took <= LIMIT_MS, `${took} ms`);
}

/** A wire between browser and server that can be cut: then nothing passes, and nobody is told. */
async function wire(port) {
  const pairs = new Set();
  let cut = false;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const pair = [near, far];
    pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (data) => { if (!cut) to.write(data); });
      from.on('close', () => { to.destroy(); pairs.delete(pair); });
      from.on('error', () => {});
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    cut: () => { cut = true; },
    mend: () => { cut = false; },
    end: () => { server.close(); for (const pair of pairs) pair.forEach((socket) => socket.destroy()); },
  };
}

test('a lost WebGL context comes back with the same view', async () => {
  const server = await Server.start('--sim', '3');
  try {
    const view = await View.open(browser, server.link);
    await view.page.keyboard.press('KeyN');
    const { selected_process: selected } = await view.until('a selection', (state) => state.selected_process);
    await view.page.waitForFunction(() => location.hash.includes('process='));
    const since = Date.now();
    await view.page.evaluate(() => {
      delete window.mattx;
      document.getElementById('scene').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext();
    });
    await back(view, 'the loss of the context', since);
    await view.until('the selection to be back', (state) => state.selected_process?.pid === selected.pid);
  } finally { await server.stop(); }
});

test('a restart of the server is survived', async () => {
  const token = `${OUT}/token-recover`;
  const first = await Server.start('--sim', '3', '--token-file', token);
  const { port } = new URL(first.open);
  const view = await View.open(browser, first.link);
  await first.stop();
  await view.until('the loss to be noticed', (state) => !state.connected);
  await view.page.locator('#link[data-state=bad]').waitFor();
  const second = await Server.start('--sim', '3', '--token-file', token, '--listen', `127.0.0.1:${port}`);
  try {
    await back(view, 'the restart', Date.now());
    assert.equal((await view.state()).role, 'Admin');
  } finally { await second.stop(); }
});

test('a network that is cut for 30 seconds is survived, also in a kiosk', async () => {
  const server = await Server.start('--sim', '3');
  const between = await wire(Number(new URL(server.open).port));
  try {
    const view = await View.open(browser, `http://127.0.0.1:${between.port}/?kiosk`);
    between.cut();
    const begin = Date.now();
    await view.page.locator('#link[data-state=bad]').waitFor({ timeout: CUT_MS });
    console.log(`the cut was seen after ${Date.now() - begin} ms`);
    await view.until('the connection to count as lost', (state) => !state.connected);
    await view.page.waitForTimeout(Math.max(0, CUT_MS - (Date.now() - begin)));
    between.mend();
    await back(view, 'the cut', Date.now());
  } finally {
    between.end();
    await server.stop();
  }
});
