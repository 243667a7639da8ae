// SPDX-License-Identifier: GPL-2.0-or-later
// mattx-viz with a simulated cluster, on a free port, ended with the test.
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';

const OUT = process.env.MATTX_E2E_OUT ?? '.';
const START_MS = 15_000;

export class Server {
  /** Starts the server with arguments; resolves when it has printed its link. */
  static async start(...args) {
    const log = openSync(`${OUT}/mattx-viz.log`, 'a');
    const child = spawn(process.env.MATTX_VIZ, [...(args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']), ...args], { stdio: ['ignore', 'pipe', log] });
    const lines = createInterface({ input: child.stdout });
    const link = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('mattx-viz printed no link in time')), START_MS);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`mattx-viz ended with ${code}; see ${OUT}/mattx-viz.log`)));
      lines.on('line', (line) => {
        const found = line.match(/http:\S+/);
        if (found) {
          clearTimeout(late);
          resolve(found[0]);
        }
      });
    });
    return new Server(child, link);
  }

  constructor(child, link) {
    this.child = child;
    /** Whoever opens this may act. */
    this.link = link;
    /** Whoever opens this may look. */
    this.open = link.replace(/\?.*/, '');
  }

  get(path, options) {
    return fetch(new URL(path, this.open), options);
  }

  /** The way a process is reported by the server, independent of the browser. */
  async process(name) {
    const all = await (await this.get('/api/v1/processes')).json();
    return all.filter((entry) => entry.process.home === name.home && entry.process.pid === name.pid);
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}
