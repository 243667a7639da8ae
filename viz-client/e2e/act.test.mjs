// SPDX-License-Identifier: GPL-2.0-or-later
// Undo, bulk, menu, time, views to come back to, touch, colours: each as a person would do it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';

import { launch, View } from './browser.mjs';
import { Server } from './server.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const OUT = process.env.MATTX_E2E_OUT ?? '.';
const at = (name, node) => (state) => {
  const process = View.process(state, name);
  return process?.node === node && !process.flying && !process.pending;
};

let server;
let browser;
before(async () => {
  server = await Server.start('--sim', '3', '--seed', '1');
  browser = await launch();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function search(view, text) {
  await view.page.keyboard.press('Slash');
  await view.page.locator('input#search').fill(text);
  await view.page.keyboard.press('Enter');
}

test('what was moved by the menu can be undone', async () => {
  const view = await View.open(browser, server.link);
  await search(view, 'calc home:1');
  const { selected_process: name } = await view.until('a selection', (state) => state.selected_process);
  await view.page.keyboard.press('KeyO');
  await view.page.locator('#menu').waitFor();
  await view.page.screenshot({ path: `${OUT}/menu.png` });
  // By the keyboard alone: the entry is reached by arrows.
  const entry = view.page.locator('#menu [data-action="node:2"]');
  for (let step = 0; !(await entry.evaluate((it) => it === document.activeElement)); step += 1) {
    assert.ok(step < 20, 'the arrows lead to every entry');
    await view.page.keyboard.press('ArrowDown');
  }
  await view.page.keyboard.press('Enter');
  await view.until('the process to arrive', at(name, 2));
  await view.page.locator('#undo', { hasText: 'calc back to' }).waitFor();
  await view.page.keyboard.press('KeyU');
  await view.until('the process to be back', at(name, 1));
});

test('all that a search finds moves together and comes home together', async () => {
  const view = await View.open(browser, server.link);
  await search(view, 'user:ben home:1');
  await view.page.keyboard.press('KeyG');
  await view.until('a group', (state) => state.group > 1);
  const theirs = ({ processes }) => processes.filter(({ name, comm }) => name.home === 1 && ['gmx', 'povray'].includes(comm));
  // The invented cluster moves processes by itself, too: one that it moves at this moment is refused, and is asked for again.
  const sendAll = async (key, what, arrived) => {
    const there = (state) => theirs(state).length > 1 && theirs(state).every((one) => arrived(one) && !one.flying && !one.pending);
    for (let attempt = 0; !there(await view.state()); attempt += 1) {
      assert.ok(attempt < 5, `${what}: ${await view.page.locator('#toasts').textContent()}`);
      await view.page.keyboard.press(key);
      await view.until(what, there, 10_000).catch(() => {});
    }
  };
  await sendAll('Digit3', 'all to be on node 3', ({ node }) => node === 3);
  await sendAll('KeyH', 'all to be home', ({ away }) => !away);
});

test('time stands still, goes back, and comes live again', async () => {
  const view = await View.open(browser, server.link);
  await search(view, 'calc home:1');
  const { selected_process: name } = await view.until('a selection', (state) => state.selected_process);
  await view.page.keyboard.press('Digit2');
  await view.until('the process to arrive', at(name, 2));
  // Long enough for a picture of it to be remembered.
  const seen = (await view.state()).frame;
  await view.until('time to pass', ({ frame }) => frame > seen + 10);
  await view.page.keyboard.press('KeyH');
  await view.until('the process to be home', at(name, 1));
  const slider = view.page.locator('#time-at');
  await slider.evaluate((it) => { it.value = 0; it.dispatchEvent(new Event('input')); });
  await view.until('the past', (state) => state.past);
  await view.page.locator('#timeline[data-past=yes]').waitFor();
  await view.page.keyboard.press('Digit2');
  await view.page.locator('.toast', { hasText: 'past' }).waitFor();
  // Others may have moved before.
  const label = view.page.locator('#time-label');
  for (let step = 0; !(await label.textContent()).includes('calc'); step += 1) {
    assert.ok(step < 30, 'one of the next events is the move that was made here');
    await view.page.locator('#time-next').click();
    await view.frames(3);
  }
  await view.page.screenshot({ path: `${OUT}/past.png` });
  await view.page.locator('#time-live').click();
  await view.until('now', (state) => !state.past && View.process(state, name).node === 1);
});

test('a view is kept and found again, also in the address', async () => {
  const view = await View.open(browser, server.link);
  await view.page.keyboard.down('KeyD');
  await view.frames(6);
  await view.page.keyboard.up('KeyD');
  await view.frames(20);
  await view.page.keyboard.press('Shift+Digit4');
  await view.page.locator('.toast', { hasText: 'kept' }).waitFor();
  const { eye } = await view.state();
  const near = (other) => Math.hypot(...other.map((value, index) => value - eye[index])) < 1.5;
  await view.page.waitForFunction(() => location.hash.includes('view='));
  const address = view.page.url();
  await view.page.keyboard.press('Home');
  await view.until('another view', (state) => !near(state.eye));
  await view.page.keyboard.press('Alt+Digit4');
  await view.until('the kept view', (state) => near(state.eye));
  const other = await View.open(browser, `${server.link}${new URL(address).hash}`);
  await other.until('the view of the address', (state) => near(state.eye));
});

test('fingers turn, pinch and ask for the menu', async () => {
  const context = await browser.newContext({ viewport: { width: 420, height: 800 }, hasTouch: true, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const view = new View(page, context);
  await page.goto(server.link, { waitUntil: 'commit' });
  await view.until('the page to be ready', (state) => state.ready, 120_000);
  await view.frames(10);
  for (const button of await page.locator('#bar button, #bar a').all()) {
    const { x, width } = await button.boundingBox();
    assert.ok(x >= 0 && x + width <= 420, `${await button.getAttribute('aria-label') ?? 'tables'} is out of reach at ${x}`);
  }
  const session = await context.newCDPSession(page);
  const touch = (type, points) => session.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  const distance = ({ eye }) => Math.hypot(...eye);
  const before = await view.state();
  await touch('touchStart', [[60, 170]]);
  // A finger takes longer than one picture, however slowly these come.
  for (let step = 1; step <= 6; step += 1) {
    await touch('touchMove', [[60 + step * 30, 170]]);
    await view.frames(1);
  }
  await touch('touchEnd', []);
  const turned = await view.until('the view to turn', (state) => Math.abs(state.eye[0] - before.eye[0]) > 1);
  await touch('touchStart', [[180, 600], [240, 600]]);
  for (let step = 1; step <= 6; step += 1) {
    await touch('touchMove', [[180 - step * 20, 600], [240 + step * 20, 600]]);
    await view.frames(1);
  }
  await touch('touchEnd', []);
  await view.until('the view to come nearer', (state) => distance(state) < distance(turned) * 0.8);
  // So near, the node may be behind the one who looks.
  const near = distance(await view.state());
  await page.locator('#overview-button').tap();
  await view.until('everything to be seen', (state) => distance(state) > near * 1.2);
  await view.frames(10);
  const [x, y] = await view.pointOfNode(1);
  await touch('touchStart', [[x, y]]);
  await page.locator('#menu').waitFor();
  await touch('touchEnd', []);
  await page.screenshot({ path: `${OUT}/phone.png` });
});

test('the page has no serious accessibility problem, in any colours', async () => {
  const view = await View.open(browser, server.link);
  await search(view, 'calc home:1');
  await view.page.locator('#panel').waitFor();
  const check = async (what) => {
    await view.page.evaluate(AXE);
    const { violations } = await view.page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any.map(({ message }) => message)}`).slice(0, 3).join(' | ')}`);
    assert.deepEqual(told, [], what);
  };
  for (const theme of ['night', 'bright', 'safe']) {
    await view.until(`the theme ${theme}`, (state) => state.theme === theme);
    await check(theme);
    await view.page.screenshot({ path: `${OUT}/theme-${theme}.png` });
    await view.page.locator('#theme-button').click();
  }
  await view.page.locator('#help-button').click();
  await view.page.locator('#help').waitFor();
  await view.page.screenshot({ path: `${OUT}/help.png` });
  await check('help');
});

test('what the tables do is seen in the view', async () => {
  const view = await View.open(browser, server.link);
  const { name } = (await view.state()).processes.find((process) => process.comm === 'calc');
  const twin = await view.context.newPage();
  for (const [value, node] of [['2', 2], ['home', name.home]]) {
    await twin.goto(new URL(`/table/${name.home}/${name.pid}`, server.open).href);
    await twin.locator(`button[name=to][value="${value}"]`).click();
    // A page that is hidden draws nothing and takes nothing in.
    await view.page.bringToFront();
    await view.until('the process to arrive', at(name, node));
  }
});

test('a kiosk tours by itself and takes no orders', async () => {
  const view = await View.open(browser, `${server.open}?kiosk`, { reducedMotion: 'no-preference' });
  await view.page.locator('#headline').waitFor();
  const first = (await view.state()).eye;
  await view.page.keyboard.press('Slash');
  await view.page.keyboard.press('KeyN');
  await view.until('the camera to move', (state) => Math.hypot(...state.eye.map((value, index) => value - first[index])) > 2);
  assert.equal((await view.state()).selected_process, null);
});
