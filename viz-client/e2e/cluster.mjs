// SPDX-License-Identifier: GPL-2.0-or-later
// Moves a process of a real cluster with the mouse, and home again.
//
//   node cluster.mjs LINK [--comm calc] [--to NODE] [--screenshot FILE] [--stop-after away|home] [--limit SECONDS]
//                         [--thorough] [--check-away COMMAND] [--check-home COMMAND]
//
// LINK is what mattx-viz printed. The process is found by its name and clicked, the node (the first other one) is
// clicked, and when the process has arrived it is double-clicked; with --thorough it is then dragged there, sent by keys
// alone, and from the tables. Prints one JSON object with what was seen; the exit
// status is 0 when all of it was as it must be.
//
// --check-away COMMAND and --check-home COMMAND are run by the shell when the process has arrived there, with PID, HOME_NODE
// and AWAY_NODE in the environment: what the kernels say must agree with the picture.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

import { launch, View } from './browser.mjs';


const ETIMEDOUT = 110;
const MOST_ATTEMPTS = 2;

const { values, positionals: [link] } = parseArgs({
  allowPositionals: true,
  options: {
    comm: { type: 'string', default: 'calc' },
    to: { type: 'string' },
    screenshot: { type: 'string' },
    'stop-after': { type: 'string', default: 'home' },
    limit: { type: 'string', default: '60' },
    thorough: { type: 'boolean', default: false },
    'check-away': { type: 'string' },
    'check-home': { type: 'string' },
  },
});
if (!link) {
  console.error('usage: node cluster.mjs LINK [--comm NAME] [--to NODE] [--screenshot FILE] [--stop-after away|home] [--limit SECONDS]');
  process.exit(2);
}
const limit = Number(values.limit) * 1000;
const report = { link: link.replace(/token=[^&]*/, 'token=…'), comm: values.comm };
// Few frames: the virtual nodes of a test compute on the same cores.
const url = new URL(link);
url.searchParams.set('fps', '10');

let view;
let browser;
try {
  browser = await launch();
  view = await View.open(browser, url.href, { width: 960, height: 540 });
  const state = await view.until(
    `two nodes and a process ${values.comm}`,
    ({ nodes, processes }) => nodes.length > 1 && processes.some(({ comm }) => comm === values.comm),
    limit,
  );
  report.source = state.source;
  report.role = state.role;
  report.nodes = state.nodes.map(({ id, name }) => ({ id, name }));
  if (state.source !== 'Live') throw new Error(`the picture is ${state.source}, not Live`);
  const { name, node } = state.processes.find(({ comm, away }) => comm === values.comm && !away)
    ?? state.processes.find(({ comm }) => comm === values.comm);
  const target = values.to ? Number(values.to) : state.nodes.find(({ id }) => id !== node).id;
  Object.assign(report, { process: name, from: node, to: target });

  // Another look, another place: the view can be flown.
  await view.page.keyboard.down('KeyW');
  await view.frames(3);
  await view.page.keyboard.up('KeyW');
  await view.page.keyboard.press('Home');
  await view.frames(8);

  await view.clickProcess(name);
  report.away = await move('away', name, target, () => view.clickNode(target));
  if (values.screenshot) await view.screenshot(values.screenshot);
  check('away', name, target);
  if (values['stop-after'] === 'home') {
    report.home = await move('home', name, name.home, () => view.doubleClickProcess(name));
    check('home', name, target);
  }
  if (values.thorough) {
    // The same by dragging, and home by a key.
    report.dragged = await move('dragged', name, target, () => view.dragProcessTo(name, target));
    check('away', name, target);
    report.home_by_key = await move('home by key', name, name.home, () => view.page.keyboard.press('KeyH'));
    // By the keyboard alone: found, selected, sent by the number of the node's place, and home.
    await view.page.keyboard.press('Escape');
    // Keys of one slow frame are taken after what is searched for.
    await view.until('nothing to be selected', ({ selected_process: selected }) => !selected);
    await view.page.keyboard.press('Slash');
    await view.page.keyboard.type(`${values.comm} home:${name.home}`);
    await view.page.keyboard.press('Enter');
    await view.until('a process to be selected', ({ selected_process: selected }) => selected);
    // Others have the same name: on to the next until it is this one.
    const isMeant = ({ selected_process: selected }) => selected?.pid === name.pid && selected.home === name.home;
    for (let tries = 0; tries < 20 && !isMeant(await view.state()); tries += 1) {
      await view.page.keyboard.press('KeyN');
      await view.frames(2);
    }
    await view.until('the process to be selected', isMeant);
    const place = state.nodes.findIndex(({ id }) => id === target) + 1;
    report.by_key = await move('by key', name, target, () => view.page.keyboard.press(`Digit${place}`));
    check('away', name, target);
    report.home_by_key_again = await move('home by key', name, name.home, () => view.page.keyboard.press('KeyH'));
    check('home', name, target);
    // And from the page without 3D.
    report.twin = await byTwin(name, target);
    check('home', name, target);
  }
  report.ok = true;
} catch (error) {
  report.ok = false;
  report.error = error.message;
  if (view && values.screenshot) await view.page.screenshot({ path: `${values.screenshot}.failed.png` }).catch(() => {});
} finally {
  await browser?.close();
}
console.log(JSON.stringify(report, null, 2));
process.exit(report.ok ? 0 : 1);

/** Makes a gesture and waits for the server's answer and for the process to be where it belongs. A move that ran out of
 * time left the process where it was, which machines slowed by emulation and each other see: then the gesture is made
 * once again, and the report tells so. */
async function move(what, name, node, gesture) {
  for (let attempt = 1; ; attempt += 1) {
    const known = (await view.state()).outcomes.length;
    const begin = Date.now();
    await gesture();
    const answered = await view.until(`the answer to "${what}"`, ({ outcomes }) => outcomes.length > known, limit);
    const [, outcome] = answered.outcomes.at(-1);
    if (outcome.Failed?.errno === ETIMEDOUT && attempt < MOST_ATTEMPTS) continue;
    if (!outcome.Done) throw new Error(`${what}: ${outcome.Failed.reason} (errno ${outcome.Failed.errno}, attempt ${attempt})`);
    const answer_ms = Date.now() - begin;
    await view.until(
      `the process to be on node ${node}`,
      (state) => {
        const process = View.process(state, name);
        return process?.node === node && !process.flying;
      },
      limit,
    );
    return { attempt, answer_ms, seen_ms: Date.now() - begin, statistics: outcome.Done.statistics };
  }
}

/** There and home with the buttons of the tables. */
async function byTwin(name, target) {
  const twin = await view.context.newPage();
  const press = async (value, node) => {
    await twin.goto(new URL(`/table/${name.home}/${name.pid}`, link).href, { timeout: limit });
    const begin = Date.now();
    await twin.locator(`button[name=to][value="${value}"]`).click({ timeout: limit });
    // A page that is hidden draws nothing and takes nothing in.
    await view.page.bringToFront();
    await view.until(`the process to be on node ${node}, from the tables`, (state) => View.process(state, name)?.node === node, limit);
    return { seen_ms: Date.now() - begin };
  };
  const away = await press(target, target);
  check('away', name, target);
  const home = await press('home', name.home);
  await twin.close();
  return { away, home };
}

/** Runs the command that asks the kernels, when there is one for this moment, and keeps what they said. */
function check(what, name, away) {
  const command = values[`check-${what}`];
  if (!command) return;
  const environment = { ...process.env, PID: name.pid, HOME_NODE: name.home, AWAY_NODE: away };
  const { status, stdout, stderr } = spawnSync(command, { shell: true, env: environment, encoding: 'utf8' });
  report[`check-${what}`] = stdout.trim();
  if (status !== 0) throw new Error(`the kernels disagree with the picture (${what}): ${stdout}${stderr}`);
}
