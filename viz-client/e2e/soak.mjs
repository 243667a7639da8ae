// SPDX-License-Identifier: GPL-2.0-or-later
// A kiosk that watches a recording at twenty times its speed, for MINUTES (60): its heap must not grow by more than a
// tenth.
//
//   node soak.mjs [MINUTES]      MATTX_VIZ names the server
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launch, View } from './browser.mjs';
import { Server } from './server.mjs';

const MINUTES = Number(process.argv[2] ?? 60);
const RECORD_MS = 60_000;
const SPEED = '20';
const GROWTH = 1.10;
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const folder = mkdtempSync(join(tmpdir(), 'mattx-soak-'));
const file = join(folder, 'recording');
const recorded = await Server.start('--sim', '20', '--record', file);
await wait(RECORD_MS);
await recorded.stop();

const server = await Server.start('--replay', file, '--speed', SPEED);
const browser = await launch();
let failed = true;
try {
  const view = await View.open(browser, `${server.open}?kiosk&fps=10`, { width: 640, height: 360, reducedMotion: 'no-preference' });
  const look = async () => {
    const { heap, frame, messages } = JSON.parse(await view.page.evaluate(() => window.mattx.numbers()));
    const script = await view.page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
    return { heap: heap + script, program: heap, script, frame, messages };
  };
  // What is reserved at the start and what a first round of the recording needs is no growth.
  await wait(Math.min(120_000, MINUTES * 30_000));
  const first = await look();
  const end = Date.now() + MINUTES * 60_000;
  let last = first;
  while (Date.now() < end) {
    await wait(30_000);
    last = await look();
    console.log(JSON.stringify(last));
    if (last.frame <= first.frame) throw new Error('the page draws no more');
  }
  const growth = last.program / first.program;
  console.log(`heap after ${MINUTES} min: ${(growth * 100 - 100).toFixed(1)} % more (limit ${(GROWTH * 100 - 100).toFixed(0)} %), ${last.messages - first.messages} messages`);
  failed = growth > GROWTH || last.messages <= first.messages;
} finally {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true });
}
process.exit(failed ? 1 : 0);
