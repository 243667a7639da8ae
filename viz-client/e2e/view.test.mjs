// SPDX-License-Identifier: GPL-2.0-or-later
// What a person does with the view, on a simulated cluster of three nodes.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { launch, View } from './browser.mjs';
import { Server } from './server.mjs';

const OUT = process.env.MATTX_E2E_OUT ?? '.';
const calc = (state) => state.processes.find((process) => process.comm === 'calc');
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
// A page that goes on drawing would take the time of the next test.
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('a click on a process and one on a node move it there; a double click sends it home', async () => {
  const view = await View.open(browser, server.link);
  const state = await view.state();
  assert.equal(state.role, 'Admin');
  assert.equal(state.source, 'Simulated');
  // Words reach the page with the frame after the one that told them to us.
  await view.page.locator('#source', { hasText: /^SIMULATED$/ }).waitFor();
  assert.equal(state.nodes.length, 3);
  const { name, node } = calc(state);
  assert.equal(node, name.home);

  await view.clickProcess(name);
  await view.page.locator('#panel-title', { hasText: /^calc$/ }).waitFor();
  const target = state.nodes.find((other) => other.id !== node).id;
  await view.clickNode(target);
  await view.until('the process to arrive', at(name, target));
  const reports = await server.process(name);
  assert.ok(reports.some((entry) => entry.node === target && entry.sample.kind.Guest), 'the server has it as a guest there');
  assert.ok(reports.some((entry) => entry.node === name.home && entry.sample.kind.Deputy), 'and its deputy at home');
  await view.frames(4);
  await view.screenshot(`${OUT}/away.png`);

  await view.doubleClickProcess(name);
  await view.until('the process to be home', at(name, name.home));
  const { outcomes, garbled } = await view.state();
  assert.equal(outcomes.length, 2);
  assert.ok(outcomes.every(([, outcome]) => outcome.Done), JSON.stringify(outcomes));
  assert.equal(garbled, 0);
});

test('a process can be dragged onto a node', async () => {
  const view = await View.open(browser, server.link);
  const state = await view.state();
  const { name, node } = calc(state);
  const target = state.nodes.findLast((other) => other.id !== node).id;
  await view.dragProcessTo(name, target);
  await view.until('the process to arrive', at(name, target));
  await view.doubleClickProcess(name);
  await view.until('the process to be home', at(name, name.home));
});

test('everything can be done from the keyboard', async () => {
  const view = await View.open(browser, server.link);
  const state = await view.state();
  const { name } = calc(state);
  await view.page.keyboard.press('Slash');
  await view.page.keyboard.type('calc home:1');
  await view.page.keyboard.press('Enter');
  const { selected_process: selected } = await view.until('a selection', (now) => now.selected_process);
  assert.equal(View.process(state, selected).comm, 'calc');
  await view.page.keyboard.press('Digit3');
  await view.until('the process to arrive', at(selected, 3));
  await view.page.keyboard.press('KeyH');
  await view.until('the process to be home', at(selected, selected.home));
  assert.equal(name.home, selected.home);
});

test('flying moves the picture, and Home brings it back', async () => {
  const view = await View.open(browser, server.link);
  const before = (await view.state()).nodes[0].screen;
  await view.page.keyboard.down('KeyW');
  await view.frames(8);
  await view.page.keyboard.up('KeyW');
  const away = (await view.frames(8)).nodes[0].screen;
  assert.ok(!away || Math.hypot(away[0] - before[0], away[1] - before[1]) > 20, `${before} ${away}`);
  await view.page.keyboard.press('Home');
  await view.until('the old view', ({ nodes: [{ screen }] }) => screen && Math.hypot(screen[0] - before[0], screen[1] - before[1]) < 25);
});

test('viewers are told why they cannot move anything', async () => {
  const view = await View.open(browser, server.open);
  const state = await view.state();
  assert.equal(state.role, 'Viewer');
  const { name, node } = calc(state);
  await view.clickProcess(name);
  assert.ok(await view.page.locator('#panel-actions button').first().isDisabled());
  await view.clickNode(state.nodes.find((other) => other.id !== node).id);
  await view.page.locator('.toast', { hasText: 'token' }).waitFor();
  assert.equal(View.process(await view.state(), name).node, node);
});

test('refusals are shown with their reason', async () => {
  const view = await View.open(browser, server.link);
  const state = await view.state();
  const { name } = state.processes.find((process) => process.comm === 'systemd' && process.node === 1);
  await view.page.keyboard.press('Slash');
  await view.page.keyboard.type('systemd home:1');
  await view.page.keyboard.press('Enter');
  await view.until('a selection', (now) => now.selected_process?.pid === name.pid);
  await view.page.keyboard.press('Digit2');
  await view.page.locator('.toast.bad', { hasText: 'system service' }).waitFor();
});

test('the view survives a restart of the server', async () => {
  const other = await Server.start('--sim', '3', '--token-file', `${OUT}/token`);
  const port = new URL(other.open).port;
  const view = await View.open(browser, other.link);
  await other.stop();
  await view.until('the loss to be noticed', (state) => !state.connected);
  await view.page.locator('#link[data-state=bad]').waitFor();
  const again = await Server.start('--sim', '3', '--token-file', `${OUT}/token`, '--listen', `127.0.0.1:${port}`);
  await view.until('the connection to be back', (state) => state.connected && state.role === 'Admin', 10_000);
  await again.stop();
});
