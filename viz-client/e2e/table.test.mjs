// SPDX-License-Identifier: GPL-2.0-or-later
// The tables: the same cluster and the same commands, without WebGL, with keyboard, phone and screen reader.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { Server } from './server.mjs';

const OUT = process.env.MATTX_E2E_OUT ?? '.';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const LIMIT_MS = 60_000;
let server;
let browser;

before(async () => {
  server = await Server.start('--sim', '5');
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The tables as somebody with a token sees them, alive. */
async function tables({ path = '/table', token = true, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  // The link's answer sets the cookie; the view itself is not needed.
  if (token) await context.request.get(server.link, { maxRedirects: 0 });
  await page.goto(new URL(path, server.open).href);
  if (options.javaScriptEnabled !== false) await page.locator('body.live').waitFor();
  return { page, context, errors };
}

const calc = async () => (await (await server.get('/api/v1/processes')).json()).find((entry) => entry.sample.comm === 'calc').process;

async function nothingSerious(page, what) {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  assert.deepEqual(serious.map(({ id, nodes }) => `${what}: ${id} ${nodes[0].html}`), []);
}

test('a process is moved and sent home by keyboard alone', async () => {
  const name = await calc();
  const { page, context, errors } = await tables({ path: `/table?q=calc` });
  await page.locator('#processes tbody tr').first().waitFor();
  await page.locator('#processes .open').first().focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor();
  assert.match(page.url(), new RegExp(`#process=${name.home}\\.${name.pid}$`));
  await nothingSerious(page, 'dialog');
  await page.locator('dialog select').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('#toasts .good').waitFor();
  const away = await server.process(name);
  assert.equal(away.length, 2, 'a deputy at home and a guest elsewhere');
  await page.locator('#processes tr.away .open').first().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Send it home' }).focus();
  await page.keyboard.press('Space');
  await page.locator('#toasts .good', { hasText: 'home' }).waitFor();
  assert.equal((await server.process(name)).length, 1);
  assert.deepEqual(errors, []);
  await context.close();
});

test('rows are sorted, found and selected, and several processes move together', async () => {
  const { page, context, errors } = await tables();
  await page.screenshot({ path: `${OUT}/table.png` });
  await page.getByRole('button', { name: 'Memory' }).last().click();
  assert.equal(await page.locator('#processes th[data-column=memory]').getAttribute('aria-sort'), 'descending');
  await page.locator('#q').fill('node:2 cpu>1 state:home');
  await page.waitForFunction(() => [...document.querySelectorAll('#processes [data-label="Computes on"]')].every((cell) => cell.textContent === 'node-02'));
  assert.match(page.url(), /q=node%3A2/);
  await page.locator('#q').fill('sshd');
  for (const box of (await page.locator('#processes tbody input').all()).slice(0, 2)) await box.check();
  await page.locator('#bulk', { hasText: '2 selected' }).waitFor();
  await page.getByRole('button', { name: 'Best' }).click();
  const told = await page.locator('#toasts .bad').textContent();
  assert.match(told, /2 of 2 failed, the first: sshd stays where it is/);
  await nothingSerious(page, 'tables');
  assert.deepEqual(errors, []);
  await context.close();
});

test('an address opens what it names; a viewer sees why nothing can be done', async () => {
  const name = await calc();
  const { page, context } = await tables({ path: `/table#process=${name.home}.${name.pid}`, token: false });
  await page.locator('dialog[open] h2', { hasText: 'calc' }).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Move there' }).isDisabled());
  assert.equal(await page.locator('#role').textContent(), 'view only');
  await context.close();
});

test('a phone shows the same without scrolling sideways', async () => {
  for (const colorScheme of ['dark', 'light']) {
    const { page, context } = await tables({ viewport: { width: 390, height: 844 }, colorScheme });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide`);
    await nothingSerious(page, colorScheme);
    await page.screenshot({ path: `${OUT}/table-phone-${colorScheme}.png` });
    await context.close();
  }
});

test('the tables are there before the 3D view', async () => {
  const { page, context } = await tables();
  await page.route('**/*.wasm', () => {});
  await page.goto(server.open);
  await page.locator('#tables-first tbody tr', { hasText: 'calc' }).first().waitFor();
  assert.ok(await page.locator('#tables-first').isVisible());
  await page.screenshot({ path: `${OUT}/table-first.png` });
  await context.close();
});

test('without scripts the tables and their commands work', async () => {
  const name = await calc();
  const { page, context } = await tables({ path: '/table?q=calc', javaScriptEnabled: false });
  await page.locator(`a[href="/table/${name.home}/${name.pid}"]`).click();
  await page.getByRole('button', { name: 'Lock it here' }).click();
  await page.getByText('Done.').waitFor();
  await context.close();
});

test('a server that is gone is shown as gone within 3 seconds, and its return is noticed', async () => {
  const { port } = new URL(server.open);
  const { page, context } = await tables();
  server.child.kill('SIGSTOP');
  await page.locator('#link[data-state=bad]').waitFor({ timeout: 4_500 });
  server.child.kill('SIGCONT');
  await page.locator('#link[data-state=good]').waitFor();
  await server.stop();
  await page.locator('#link[data-state=bad]', { hasText: 'no connection' }).waitFor({ timeout: 3_000 });
  server = await Server.start('--sim', '5', '--listen', `127.0.0.1:${port}`);
  await page.locator('#link[data-state=good]').waitFor();
  await context.close();
});
