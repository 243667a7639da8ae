// SPDX-License-Identifier: GPL-2.0-or-later
// Drives a real Chromium, with WebGL computed by the CPU, the way a person would use the page.
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless=new', '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];
const READY_MS = 120_000;
const CLICK_TRIES = 12;

/** Starts Chromium; CHROMIUM names another program than the system's. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // The driver's own flag chooses the old headless mode, which has no WebGL.
    ignoreDefaultArgs: ['--headless'],
    args: FLAGS,
    headless: true,
  });
}

/** The view at an address, ready to be used. */
export class View {
  /** Opens `url` and waits until the cluster is drawn. Motion that nobody asked for is off: things stay where they are
   * while a test points at them. */
  static async open(browser, url, { width = 960, height = 540, reducedMotion = 'reduce' } = {}) {
    const context = await browser.newContext({ viewport: { width, height }, reducedMotion });
    const page = await context.newPage();
    const view = new View(page, context);
    await page.goto(url, { waitUntil: 'commit' });
    await view.until('the page to be ready', (state) => state.ready, READY_MS);
    return view;
  }

  constructor(page, context) {
    this.page = page;
    this.context = context;
    this.log = [];
    page.on('console', (message) => this.log.push(`${message.type()}: ${message.text()}`));
    // A panic of the program is a console error and an exception: told at once instead of after a time limit.
    this.died = new Promise((_, reject) => {
      page.on('pageerror', (error) => {
        const errors = this.log.filter((line) => line.startsWith('error'));
        reject(new Error(`the page died: ${error.message}\n${errors.join('\n')}`));
      });
    });
    this.died.catch(() => {});
  }

  /** What the page knows and shows, see testing.rs. */
  async state() {
    const text = await Promise.race([this.page.evaluate(() => window.mattx?.state()), this.died]);
    return text ? JSON.parse(text) : { ready: false, frame: 0, nodes: [], processes: [] };
  }

  /** Waits until `holds(state)`; says what it waited for when it does not come. */
  async until(what, holds, limit = 30_000) {
    const end = Date.now() + limit;
    let state;
    do {
      state = await this.state();
      if (holds(state)) return state;
      await this.page.waitForTimeout(60);
    } while (Date.now() < end);
    const summary = { ...state, nodes: state.nodes?.length, processes: state.processes?.filter((p) => p.away || p.flying || p.pending) };
    throw new Error(`waited ${limit} ms for ${what}; the page says ${JSON.stringify(summary)}\n${this.log.slice(-10).join('\n')}`);
  }

  /** Waits for frames to be drawn. */
  async frames(count, limit) {
    const { frame } = await this.state();
    return this.until(`${count} frames`, (state) => state.frame >= frame + count, limit);
  }

  /** A picture with all its pixels, however long drawing them takes; resolves to its bytes. */
  async screenshot(path) {
    await this.page.evaluate(() => window.mattx.sharp(true));
    await this.frames(3);
    const png = await this.page.screenshot({ path, timeout: READY_MS });
    await this.page.evaluate(() => window.mattx.sharp(false));
    return png;
  }

  /** What a click at a point would hit: `{node, process}`. */
  async pick([x, y]) {
    return JSON.parse(await this.page.evaluate(([x, y]) => window.mattx.pick(x, y), [x, y]));
  }

  /** A point of the picture where a click hits what `find(state)` returns. Turns the camera until there is one, as a
   * person would whose view is blocked. */
  async pointOf(what, find, isHit) {
    for (let attempt = 0; attempt < CLICK_TRIES; attempt += 1) {
      const found = find(await this.state());
      if (!found) throw new Error(`the page shows no ${what}`);
      if (found.screen && (await this.isFree(found.screen))) {
        // A little beside the middle something may be free where the middle is not.
        for (const [dx, dy] of [[0, 0], [0, -6], [6, 0], [-6, 0], [0, 6]]) {
          const point = [found.screen[0] + dx, found.screen[1] + dy];
          if (isHit(await this.pick(point), found)) return point;
        }
      }
      await this.turn();
    }
    throw new Error(`found no point of the picture where a click hits ${what}`);
  }

  /** Whether the canvas itself is at a point, and no panel. */
  isFree([x, y]) {
    return this.page.evaluate(([x, y]) => document.elementFromPoint(x, y)?.id === 'scene', [x, y]);
  }

  async turn() {
    await this.page.keyboard.down('ArrowLeft');
    await this.frames(3);
    await this.page.keyboard.up('ArrowLeft');
    await this.frames(6);
  }

  pointOfProcess(name) {
    const same = (a) => a && a.home === name.home && a.pid === name.pid;
    return this.pointOf(
      `process ${name.pid} of node ${name.home}`,
      (state) => state.processes.find((process) => same(process.name)),
      (hit) => same(hit.process),
    );
  }

  pointOfNode(id) {
    return this.pointOf(
      `node ${id}`,
      (state) => state.nodes.find((node) => node.id === id),
      (hit) => hit.node === id,
    );
  }

  async clickProcess(name) {
    await this.page.mouse.click(...(await this.pointOfProcess(name)));
    await this.until('the process to be selected', (state) => state.selected_process?.pid === name.pid && state.selected_process?.home === name.home);
    // The view makes room for the panel.
    await this.frames(5);
  }

  async clickNode(id) {
    await this.page.mouse.click(...(await this.pointOfNode(id)));
  }

  async doubleClickProcess(name) {
    await this.page.mouse.dblclick(...(await this.pointOfProcess(name)));
  }

  async dragProcessTo(name, id) {
    let from;
    let to;
    do {
      from = await this.pointOfProcess(name);
      to = await this.pointOfNode(id);
      // Looking for the one may have turned the camera away from the other.
    } while ((await this.pick(from)).process?.pid !== name.pid);
    await this.page.mouse.move(...from);
    await this.page.mouse.down();
    await this.page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2, { steps: 4 });
    await this.page.mouse.move(...to, { steps: 4 });
    await this.frames(2);
    await this.page.mouse.up();
  }

  /** A process of the state by its name. */
  static process(state, name) {
    return state.processes.find((process) => process.name.home === name.home && process.name.pid === name.pid);
  }
}
