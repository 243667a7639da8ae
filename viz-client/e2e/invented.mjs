// SPDX-License-Identifier: GPL-2.0-or-later
// A cluster in every state of the legend, told to the page in the words of the protocol. No server could be brought into
// all of them at once, and what is looked at here is the picture alone.

const sample = (id, name, state, load, processes = []) => ({
  id, name, address: '10.0.0.1', state, cpu_load: Math.round(load * 4000), affinity: 4000, cores: Array(4).fill(load),
  memory_total_mib: 8192, memory_available_mib: 4096, pressure: { cpu: 0, memory: 0, io: 0 }, network_in: 2e6,
  network_out: 2e6, uptime_s: 5000, kernel: '7.2', module: '2.0', insecure: false, processes,
});

const process = (pid, kind = 'Local', cpu = 60) => ({
  pid, kind, comm: 'calc', command_line: null, user: null, state: 'R', cpu_percent: cpu, rss_kib: 300_000, threads: 1,
});

export const NODES = {
  idle: sample(1, 'idle', 'Up', 0.03, [process(10)]),
  busy: sample(2, 'busy', 'Up', 1, [process(20, { Guest: { origin: { home: 1, pid: 11 } } }), process(21), process(22)]),
  stale: sample(3, 'stale', 'Stale', 0.5),
  down: sample(4, 'down', 'Down', 0.5),
  draining: sample(5, 'draining', 'Up', 0.5, [process(50, { Guest: { origin: { home: 6, pid: 61 } } })]),
  half: sample(6, 'half', 'Up', 0.5),
};

/** Plays the server for `page`; returns a function that tells it something more. */
export async function pretend(page, { source = 'Live', role = 'Operator' } = {}) {
  let tell;
  await page.routeWebSocket('**/ws*', (socket) => {
    tell = (message) => socket.send(JSON.stringify(message));
    // Commands come in the binary form and are never answered: what they ask for stays under way.
    socket.onMessage(() => {});
    tell({ Hello: { version: 1, role, source, notice: null } });
    tell({ Snapshot: { sequence: 1, nodes: Object.values(NODES) } });
    // A cluster that says nothing counts as lost.
    let sequence = 1;
    const beat = setInterval(() => {
      sequence += 1;
      try { tell({ Delta: { sequence, nodes: [], gone: [] } }); } catch { clearInterval(beat); }
    }, 1000);
    socket.onClose(() => clearInterval(beat));
  });
  return (message) => tell(message);
}
