// SPDX-License-Identifier: GPL-2.0-or-later
// CPU time of Chromium's processes as the kernel counts it, so that other work on the machine is not measured.
import { readdirSync, readFileSync } from 'node:fs';

const milliseconds = (path) => Number(readFileSync(path, 'utf8').split(' ')[0]) / 1e6;

/** Milliseconds that all threads of a process have computed so far. */
function whole(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, tid) => {
    try { return sum + milliseconds(`/proc/${pid}/task/${tid}/schedstat`); } catch { return sum; }
  }, 0);
}

/** CPU milliseconds per frame over `frames` frames: of the page's main thread, and of the process that draws. */
export async function perFrame(browser, view, frames) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const gpu = processInfo.find(({ type }) => type === 'GPU').id;
  // The page that draws is the one whose main thread has computed most.
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  const main = (pid) => milliseconds(`/proc/${pid}/task/${pid}/schedstat`);
  const renderer = renderers.reduce((a, b) => (main(a) > main(b) ? a : b));
  const numbers = async () => JSON.parse(await view.page.evaluate(() => window.mattx.numbers()));
  const begin = { ...(await numbers()), main: main(renderer), gpu: whole(gpu), at: Date.now() };
  let end = begin;
  while (end.frame < begin.frame + frames) {
    await view.page.waitForTimeout(200);
    end = await numbers();
    if (Date.now() - begin.at > 300_000) throw new Error(`only ${end.frame - begin.frame} frames in three minutes`);
  }
  const count = end.frame - begin.frame;
  return {
    main_ms: (main(renderer) - begin.main) / count,
    gpu_ms: (whole(gpu) - begin.gpu) / count,
    frames_per_second: count / ((Date.now() - begin.at) / 1000),
    draws: end.draws, shapes: end.shapes, processes: end.processes, heap_mib: end.heap / 2 ** 20, scale: end.scale,
  };
}
