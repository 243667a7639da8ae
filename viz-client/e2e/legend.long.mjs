// SPDX-License-Identifier: GPL-2.0-or-later
// Every state of the legend can be told from every other by its shape, and the themes keep that so.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { launch, View } from './browser.mjs';
import { NODES, pretend } from './invented.mjs';
import { difference, greys } from './picture.mjs';
import { Server } from './server.mjs';

const OUT = process.env.MATTX_E2E_OUT ?? '.';
/** Mean difference of brightness above which two pictures of a node are told apart; noise is below 1. */
const DISTINCT = 4;
const WIDTH = 1280;

let server;
let browser;
before(async () => {
  server = await Server.start('--sim', '1');
  browser = await launch();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function open({ theme = 'night', source } = {}) {
  const context = await browser.newContext({ viewport: { width: WIDTH, height: 720 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const tell = await pretend(page, { source });
  const view = new View(page, context);
  await page.goto(`${server.link}&format=json&theme=${theme}`, { waitUntil: 'commit' });
  await view.until('the page to be ready', (state) => state.ready && state.nodes.length === 6, 120_000);
  await view.frames(6);
  return { view, tell };
}

/** What the picture shows of each node, from the same place and distance. */
async function portraits(view) {
  const all = {};
  for (const [name, { id }] of Object.entries(NODES)) {
    // Others may stand before it.
    await view.page.mouse.dblclick(...(await view.pointOfNode(id)));
    await view.until(`the camera to look at ${name}`, still());
    await view.page.mouse.move(2, 300);
    await view.page.keyboard.press('Escape');
    await view.until('the view to be whole again', still());
    const { screen: [x] } = (await view.state()).nodes.find((node) => node.id === id);
    assert.ok(Math.abs(x - WIDTH / 2) < WIDTH / 16, `the picture is of ${name}: it is at ${x}`);
    const png = await view.screenshot(`${OUT}/legend-${(await view.state()).theme}-${name}.png`);
    all[name] = await greys(view.page, png, { x: 490, y: 130, w: 300, h: 430 });
    await view.page.keyboard.press('Home');
    await view.until('the whole cluster to be seen', still());
  }
  return all;
}

/** Holds when nothing on the screen has moved for a few frames. */
function still() {
  let last = '';
  let since = 0;
  return ({ frame, nodes }) => {
    const now = JSON.stringify(nodes.map(({ screen }) => screen?.map(Math.round)));
    if (now !== last) [last, since] = [now, frame];
    return frame - since > 8;
  };
}

async function drain(view) {
  const { screen: [x, y] } = (await view.state()).nodes.find((node) => node.id === NODES.draining.id);
  await view.page.mouse.click(x, y, { button: 'right' });
  await view.page.locator('#menu [data-action=expel]:not([aria-disabled])').click();
  await view.page.locator('.toast.working').waitFor();
}

for (const theme of ['night', 'bright', 'safe']) {
  test(`all states differ in shape, theme ${theme}`, async () => {
    const { view } = await open({ theme });
    assert.equal((await view.state()).theme, theme);
    // Its guests are asked to leave, and the answer does not come.
    await drain(view);
    const all = await portraits(view);
    const names = Object.keys(all);
    for (const [index, a] of names.entries()) {
      for (const b of names.slice(0, index)) {
        const apart = difference(all[a], all[b]);
        console.log(`${theme}: ${a} and ${b} differ by ${apart.toFixed(1)}`);
        assert.ok(apart > DISTINCT, `${a} and ${b} look the same: ${apart}`);
      }
    }
  });
}
