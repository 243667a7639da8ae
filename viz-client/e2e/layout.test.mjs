// SPDX-License-Identifier: GPL-2.0-or-later
// Nodes stand where the layout of the machine room has them, for every viewer and again after a restart.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';

import { launch, View } from './browser.mjs';
import { Server } from './server.mjs';

const OUT = process.env.MATTX_E2E_OUT ?? '.';

let browser;
before(async () => { browser = await launch(); });
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(() => browser?.close());

/** Where each node stands on the floor, by its name. */
const feet = ({ nodes }) => Object.fromEntries(nodes.map(({ name, foot: [x, , z] }) => [name, [x, z]]));

test('racks and rows stand as the file says', async () => {
  const file = `${OUT}/room.layout`;
  writeFileSync(file, 'row north\nrack A1: node-[01-08]\nrack A2: 9 10 - node-11\nrow south\nrack B1: node-[12-15]\nrack B2: node-16 node-17\n');
  let first;
  for (const seed of ['1', '2']) {
    const server = await Server.start('--sim', '20', '--layout', file, '--seed', seed);
    try {
      const view = await View.open(browser, server.open, { width: 1280, height: 720 });
      const at = feet(await view.state());
      const [x, z] = [0, 1];
      assert.ok(at['node-09'][x] > at['node-02'][x], 'the second rack is to the right of the first');
      assert.ok(at['node-12'][z] > at['node-08'][z], 'the second row is nearer than the first');
      assert.equal(at['node-12'][x], at['node-01'][x], 'racks stand in line');
      for (const stranger of ['node-18', 'node-19', 'node-20']) {
        assert.ok(at[stranger][z] > at['node-15'][z], `${stranger} is in no rack and stands before them`);
      }
      // A name gives way where another is written already, but not all do.
      await view.page.locator('.label.sign', { hasText: 'south B' }).first().waitFor();
      await view.screenshot(`${OUT}/layout-racks.png`);
      first ??= at;
      assert.deepEqual(at, first);
      await view.context.close();
    } finally { await server.stop(); }
  }
});

for (const layout of ['grid', 'rings']) {
  test(`the layout ${layout} needs no file`, async () => {
    const server = await Server.start('--sim', '20', '--layout', layout);
    try {
      const view = await View.open(browser, server.open, { width: 1280, height: 720 });
      const at = feet(await view.state());
      const side = Math.abs(at['node-02'][0] - at['node-01'][0]);
      const distances = Object.values(at).map(([x, z]) => Math.hypot(x, z) / side);
      if (layout === 'rings') assert.ok(distances.every((distance) => Math.abs(distance - Math.round(distance)) < 0.01), `${distances}`);
      else assert.ok(Object.values(at).flat().every((value) => Number.isInteger(Math.round(value / side * 1000) / 1000)));
      await view.screenshot(`${OUT}/layout-${layout}.png`);
    } finally { await server.stop(); }
  });
}

test('a mistake in a layout is told with its line', async () => {
  const file = `${OUT}/wrong.layout`;
  writeFileSync(file, 'rack A1: node-01\nshelf A2: node-02\n');
  await assert.rejects(Server.start('--sim', '3', '--layout', file), /ended with 1/);
});
