// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the tables of the page alive over the websocket, and gives commands. Without this script the page still works.

const MOST_ROWS = 200;
const RENDER_MS = 500;
const SILENCE_MS = 3000;
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 4000;

const byId = (id) => document.getElementById(id);
/** An element with properties and children; text is never taken for HTML. */
function make(tag, properties = {}, ...children) {
  const { label, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (label) element.dataset.label = label;
  element.append(...children);
  return element;
}

// What the server told.
const nodes = new Map();
let processes = new Map();
let role = document.body.dataset.role;
let sequence = 0;
let playback = null;

// What the person wants to see.
const address = new URL(location.href);
let order = { key: address.searchParams.get('sort') ?? 'cpu', down: address.searchParams.get('down') !== '0' };
let shownRows = MOST_ROWS;
const selected = new Set();
/** Commands under way: what they are about. */
const pending = new Map();

const key = (name) => `${name.home}.${name.pid}`;
const nodeName = (id) => nodes.get(id)?.name ?? `node ${id}`;
const mayAct = () => role === 'operator' || role === 'admin';
const mib = (value) => (value < 1024 ? `${Math.round(value)} MiB` : `${(value / 1024).toFixed(1)} GiB`);
const busy = (node) => (node.cores.length ? node.cores.reduce((sum, core) => sum + core, 0) / node.cores.length : 0);
const kindOf = (sample) => (typeof sample.kind === 'string' ? sample.kind : Object.keys(sample.kind)[0]);

// --- The connection -------------------------------------------------------------------------------------------------
let socket = null;
let attempts = 0;
let heard = performance.now();
let lastId = 0;

function connect() {
  attempts += 1;
  socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws?format=json`);
  socket.onmessage = ({ data }) => {
    heard = performance.now();
    attempts = 0;
    hear(JSON.parse(data));
  };
  socket.onclose = () => {
    for (const [id, what] of pending) toast(id, 'bad', `${what.text}: the connection ended before the answer came`);
    pending.clear();
    setTimeout(connect, Math.min(RETRY_MS * attempts, LONGEST_RETRY_MS));
    showLink();
  };
}

function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function hear(message) {
  const [name, body] = typeof message === 'string' ? [message, null] : Object.entries(message)[0];
  switch (name) {
    case 'Hello':
      role = body.role.toLowerCase();
      document.body.dataset.role = role;
      byId('role').textContent = mayAct() ? role : 'view only';
      showSource(body.source);
      showNotice(body.notice);
      break;
    case 'Notice':
      showNotice(body);
      break;
    case 'Snapshot':
      nodes.clear();
      for (const node of body.nodes) nodes.set(node.id, node);
      sequence = body.sequence;
      break;
    case 'Delta':
      if (body.sequence <= sequence) break;
      if (body.sequence !== sequence + 1) {
        say('Resynchronise');
        break;
      }
      sequence = body.sequence;
      for (const id of body.gone) nodes.delete(id);
      for (const node of body.nodes) nodes.set(node.id, node);
      break;
    case 'Move':
      moved(body);
      break;
    case 'Progress': {
      const part = body.step.Part;
      const what = pending.get(body.id);
      if (part && what) toast(body.id, 'working', `${what.text} … ${(what.parts = (what.parts ?? 0) + 1)} of ${part.of}`);
      break;
    }
    case 'Answer':
      answered(body.id, body.outcome);
      break;
    case 'Playback':
      playback = body;
      break;
  }
  dirty = true;
}

function moved(event) {
  if (event.phase === 'Started' || pending.size) return;
  const to = nodeName(event.to);
  if (event.phase === 'Committed') toast(`move ${key(event.process)}`, 'plain', `${event.comm} moved to ${to}`);
  else if (event.phase.Failed) toast(`move ${key(event.process)}`, 'bad', `${event.comm} stays: ${event.phase.Failed.reason}`);
}

// --- Commands -------------------------------------------------------------------------------------------------------
function execute(text, commands) {
  if (!mayAct()) {
    toast('role', 'plain', 'You can look but not act: open a link with a token that may.');
    return;
  }
  if (socket?.readyState !== WebSocket.OPEN) {
    toast('offline', 'bad', 'Nothing was sent: there is no connection to the server.');
    return;
  }
  lastId += 1;
  pending.set(lastId, { text });
  toast(lastId, 'working', `${text} …`);
  say(commands.length === 1 ? { Execute: { id: lastId, command: commands[0] } } : { ExecuteAll: { id: lastId, commands } });
}

function answered(id, outcome) {
  const what = pending.get(id);
  pending.delete(id);
  if (!what) return;
  if (outcome.Failed) {
    toast(id, 'bad', `${what.text}: ${outcome.Failed.reason}`);
    return;
  }
  const { frozen_us: frozen, bytes } = outcome.Done.statistics;
  const cost = frozen ? `, stood still ${frozen < 10000 ? `${frozen} µs` : `${Math.round(frozen / 1000)} ms`}, ${mib(bytes / 1048576)} sent` : '';
  toast(id, 'good', `${what.text}: done${cost}`);
}

const migrate = (name, target) => ({ Migrate: { process: name, target } });
const toNode = (id) => ({ Node: id });

// --- The search language, as in the 3D view -------------------------------------------------------------------------
function parse(text) {
  const number = (value) => Number.parseFloat(value.replace(/%$/, ''));
  return text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [, name, sign, value] = word.match(/^(cpu|mem)([<>])(\d+(?:\.\d+)?%?)$/) ?? [];
    if (name) {
      const of = name === 'cpu' ? (row) => row.sample.cpu_percent : (row) => row.sample.rss_kib / 1024;
      return sign === '>' ? (row) => of(row) > number(value) : (row) => of(row) < number(value);
    }
    const [, field, wanted] = word.match(/^(user|node|home|state):(.+)$/) ?? [];
    const isNode = (id) => String(id) === wanted || nodeName(id).toLowerCase().includes(wanted);
    if (field === 'user') return (row) => row.sample.user?.toLowerCase() === wanted;
    if (field === 'node') return (row) => isNode(row.node);
    if (field === 'home') return (row) => isNode(row.name.home);
    if (field === 'state' && /^(guest|away)$/.test(wanted)) return (row) => row.node !== row.name.home;
    if (field === 'state' && /^(home|local)$/.test(wanted)) return (row) => row.node === row.name.home;
    return (row) =>
      row.sample.comm.toLowerCase().includes(word) ||
      String(row.name.pid) === word ||
      (row.sample.command_line?.toLowerCase().includes(word) ?? false);
  });
}

/** Every process once, where it computes. */
function collect() {
  const all = new Map();
  for (const node of nodes.values()) {
    for (const sample of node.processes) {
      const kind = kindOf(sample);
      if (kind === 'Deputy') continue;
      const name = kind === 'Guest' ? sample.kind.Guest.origin : { home: node.id, pid: sample.pid };
      all.set(key(name), { name, node: node.id, sample, stale: node.state !== 'Up' });
    }
  }
  return all;
}

// --- Drawing --------------------------------------------------------------------------------------------------------
const COLUMNS = {
  name: { title: 'Name', of: (row) => row.sample.comm },
  pid: { title: 'Process', of: (row) => row.name.pid, number: true },
  node: { title: 'Computes on', of: (row) => nodeName(row.node) },
  home: { title: 'Home', of: (row) => nodeName(row.name.home) },
  cpu: { title: 'CPU', of: (row) => row.sample.cpu_percent, number: true, text: (row) => `${row.sample.cpu_percent.toFixed(0)} %` },
  memory: { title: 'Memory', of: (row) => row.sample.rss_kib, number: true, text: (row) => mib(row.sample.rss_kib / 1024) },
  user: { title: 'User', of: (row) => row.sample.user ?? '' },
};
const NODE_COLUMNS = {
  node: { title: 'Node', of: (node) => node.id },
  state: { title: 'State', of: (node) => ({ Up: 'up', Stale: 'no news', Down: 'down' })[node.state] },
  cpu: { title: 'CPU', of: busy, meter: (node) => [busy(node), 1, `${Math.round(busy(node) * 100)} %`] },
  load: { title: 'Load', of: (node) => node.cpu_load / 1000, number: true, text: (node) => (node.cpu_load / 1000).toFixed(1) },
  memory: {
    title: 'Memory',
    of: (node) => node.memory_total_mib - node.memory_available_mib,
    meter: (node) => [node.memory_total_mib - node.memory_available_mib, node.memory_total_mib || 1, `${mib(node.memory_available_mib)} free`],
  },
  guests: { title: 'Guests', of: (node) => count(node, 'Guest'), number: true },
  away: { title: 'Away', of: (node) => count(node, 'Deputy'), number: true },
  address: { title: 'Address', of: (node) => node.address },
};
const count = (node, kind) => node.processes.filter((sample) => kindOf(sample) === kind).length;
let nodeOrder = { key: 'node', down: false };

const byOrder = (columns, { key: by, down }) => {
  const { of } = columns[by] ?? Object.values(columns)[0];
  const sign = down ? -1 : 1;
  return (a, b) => {
    const [x, y] = [of(a), of(b)];
    return (x < y ? -1 : x > y ? 1 : 0) * sign;
  };
};

function heads(table, columns, current, sort, check) {
  const row = make('tr');
  if (check) row.append(make('th', { scope: 'col', className: 'check' }, check));
  for (const [name, column] of Object.entries(columns)) {
    const button = make('button', { type: 'button', textContent: column.title, onclick: () => sort(name) });
    const cell = make('th', { scope: 'col', className: column.number ? 'number' : '' }, button);
    cell.dataset.column = name;
    row.append(cell);
  }
  table.tHead.replaceChildren(row);
  showOrder(table, current);
}

function showOrder(table, { key: by, down }) {
  for (const cell of table.tHead.rows[0].cells) {
    if (cell.dataset.column === by) cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    else cell.removeAttribute('aria-sort');
  }
}

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Makes the rows of a table those of `list`, and keeps those that stay, with focus and all. */
function rows(table, list, keyOf, create, update) {
  const known = (table.rowsByKey ??= new Map());
  const wanted = new Set(list.map(keyOf));
  for (const [name, row] of known) {
    if (!wanted.has(name)) {
      row.remove();
      known.delete(name);
    }
  }
  let next = table.tBodies[0].firstElementChild;
  for (const item of list) {
    const name = keyOf(item);
    let row = known.get(name);
    if (!row) known.set(name, (row = create(item)));
    update(row, item);
    if (row === next) next = next.nextElementSibling;
    else table.tBodies[0].insertBefore(row, next);
  }
}

function fill(cell, column, item) {
  if (column.meter) {
    const [value, most, text] = column.meter(item);
    const meter = cell.firstElementChild;
    meter.max = most;
    meter.value = value;
    meter.className = value / most > 0.9 ? 'high' : value / most > 0.7 ? 'middle' : '';
    setText(cell.lastElementChild, text);
  } else setText(cell.firstElementChild ?? cell, (column.text ?? ((it) => String(column.of(it))))(item));
}

function cells(columns, skip) {
  return Object.entries(columns).slice(skip).map(([name, column]) => {
    const cell = make('td', { label: column.title, className: column.number ? 'number' : '' });
    if (column.meter) {
      const meter = make('meter');
      meter.setAttribute('aria-label', column.title);
      cell.append(meter, make('span'));
    } else if (name === 'state') cell.append(make('span', { className: 'state' }));
    return cell;
  });
}

function drawNodes() {
  const list = [...nodes.values()].sort(byOrder(NODE_COLUMNS, nodeOrder));
  const columns = Object.values(NODE_COLUMNS).slice(1);
  rows(byId('nodes'), list, (node) => node.id, (node) => {
    const open = make('button', { type: 'button', className: 'open', onclick: () => openNode(node.id) });
    open.append(make('span'), ' ', make('small'));
    return make('tr', {}, make('th', { scope: 'row' }, open), ...cells(NODE_COLUMNS, 1));
  }, (row, node) => {
    row.className = { Up: 'up', Stale: 'stale', Down: 'down' }[node.state];
    const open = row.firstElementChild.firstElementChild;
    setText(open.firstElementChild, node.name);
    setText(open.lastElementChild, String(node.id));
    columns.forEach((column, index) => fill(row.children[index + 1], column, node));
  });
}

function drawProcesses() {
  processes = collect();
  const tests = parse(byId('q').value);
  const found = [...processes.values()].filter((row) => tests.every((test) => test(row)));
  found.sort(byOrder(COLUMNS, order));
  const list = found.slice(0, shownRows);
  const columns = Object.values(COLUMNS).slice(1);
  for (const name of selected) if (!processes.has(name)) selected.delete(name);
  rows(byId('processes'), list, (row) => key(row.name), (row) => {
    const box = make('input', { type: 'checkbox' });
    box.onchange = () => {
      if (box.checked) selected.add(key(row.name));
      else selected.delete(key(row.name));
      drawBulk();
    };
    const open = make('button', { type: 'button', className: 'open', onclick: () => openProcess(key(row.name)) });
    return make('tr', {}, make('td', { className: 'check' }, box), make('th', { scope: 'row' }, open), ...cells(COLUMNS, 1));
  }, (row, process) => {
    row.className = `${process.node === process.name.home ? 'here' : 'away'}${process.stale ? ' stale' : ''}`;
    const box = row.firstElementChild.firstElementChild;
    box.checked = selected.has(key(process.name));
    box.ariaLabel = `Select ${process.sample.comm}, process ${process.name.pid}`;
    setText(row.children[1].firstElementChild, process.sample.comm);
    columns.forEach((column, index) => fill(row.children[index + 2], column, process));
  });
  const more = byId('more');
  more.replaceChildren(`${list.length} of ${found.length} processes`);
  if (list.length < found.length) {
    more.append(' ', make('button', { type: 'button', textContent: 'Show more', onclick: () => { shownRows += MOST_ROWS; dirty = true; draw(); } }));
  }
  drawBulk();
}

function drawFigures() {
  const up = [...nodes.values()].filter((node) => node.state === 'Up').length;
  const away = [...processes.values()].filter((row) => row.node !== row.name.home).length;
  setText(byId('figures'), `${up} of ${nodes.size} nodes up · ${processes.size} processes · ${away} away`);
}

let bulkShown = '';
function drawBulk() {
  const bar = byId('bulk');
  bar.hidden = selected.size === 0 || !mayAct();
  const targets = [...nodes.values()].filter((node) => node.state === 'Up').map((node) => node.id).join();
  const wanted = `${selected.size} ${targets}`;
  if (bar.hidden || wanted === bulkShown) return;
  bulkShown = wanted;
  const chosen = () => [...selected].map((name) => processes.get(name)?.name).filter(Boolean);
  const act = (text, command) => {
    const names = chosen();
    execute(`${names.length} processes ${text}`, names.map(command));
    selected.clear();
    dirty = true;
    draw();
  };
  const where = nodeChoice();
  bar.replaceChildren(
    make('strong', { textContent: `${selected.size} selected` }),
    where,
    make('button', { type: 'button', textContent: 'Move', onclick: () => act(`to ${nodeName(Number(where.value))}`, (name) => migrate(name, toNode(Number(where.value)))) }),
    make('button', { type: 'button', textContent: 'Home', onclick: () => act('home', (name) => migrate(name, 'Home')) }),
    make('button', { type: 'button', textContent: 'Best', onclick: () => act('where they compute best', (name) => migrate(name, 'Best')) }),
    make('button', { type: 'button', textContent: 'Clear', className: 'quiet', onclick: () => { selected.clear(); dirty = true; draw(); } }),
  );
}

function nodeChoice(except) {
  const select = make('select');
  select.ariaLabel = 'Node';
  for (const node of [...nodes.values()].sort((a, b) => a.id - b.id)) {
    if (node.state === 'Up' && node.id !== except) select.append(make('option', { value: node.id, textContent: `${node.name} (${Math.round(busy(node) * 100)} % busy)` }));
  }
  return select;
}

function showSource(source) {
  let badge = byId('source');
  if (source === 'Live') badge?.remove();
  else {
    if (!badge) {
      badge = make('strong', { id: 'source', className: 'badge' });
      document.querySelector('h1').after(badge);
    }
    setText(badge, source === 'Simulated' ? 'SIMULATED' : 'REPLAY');
  }
}

function showNotice(notice) {
  byId('notice').hidden = !notice;
  setText(byId('notice'), notice ?? '');
}

function showLink() {
  const link = byId('link');
  const age = performance.now() - heard;
  const open = socket?.readyState === WebSocket.OPEN;
  const [state, text] = !open
    ? ['bad', 'no connection, trying again']
    : age > SILENCE_MS ? ['bad', `no news for ${Math.round(age / 1000)} s`] : ['good', 'live'];
  link.dataset.state = state;
  setText(link, text);
  document.body.classList.toggle('old', state === 'bad');
}

let dirty = true;
let drawn = 0;
function draw() {
  if (!dirty || document.hidden || nodes.size === 0) return;
  dirty = false;
  drawn = performance.now();
  drawNodes();
  drawProcesses();
  drawFigures();
  drawPlayback();
  answerAddress();
}

function toast(name, mood, text) {
  const known = [...byId('toasts').children].find((element) => element.dataset.key === String(name));
  const element = known ?? make('p', {});
  element.dataset.key = String(name);
  element.className = mood;
  setText(element, text);
  if (!known) byId('toasts').append(element);
  clearTimeout(element.timer);
  if (mood !== 'working') element.timer = setTimeout(() => element.remove(), mood === 'bad' ? 15000 : 6000);
  while (byId('toasts').children.length > 5) byId('toasts').firstElementChild.remove();
}

// --- One process, one node ------------------------------------------------------------------------------------------
const dialog = make('dialog', { id: 'menu' });
dialog.setAttribute('aria-labelledby', 'menu-title');
dialog.onclose = () => history.replaceState(null, '', location.pathname + location.search);
dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };

function show(hash, title, about, ...parts) {
  dialog.replaceChildren(
    make('h2', { id: 'menu-title', textContent: title }),
    make('p', { className: 'about', textContent: about }),
    ...parts,
    make('p', { className: 'foot' }, make('a', { href: `/${hash}`, textContent: 'Show it in 3D' }), make('button', { type: 'button', className: 'quiet', textContent: 'Close', onclick: () => dialog.close() })),
  );
  history.replaceState(null, '', hash);
  if (!dialog.open) dialog.showModal();
}

const action = (text, run, enabled = mayAct()) => {
  const button = make('button', { type: 'button', textContent: text, disabled: !enabled, onclick: () => { dialog.close(); run(); } });
  if (!enabled) button.title = 'Your token does not allow it';
  return button;
};

function openProcess(name) {
  const row = processes.get(name);
  if (!row) return;
  const { sample, name: process, node } = row;
  const about = [
    `Process ${process.pid} of ${nodeName(process.home)}, computes on ${nodeName(node)}, ${sample.cpu_percent.toFixed(0)} % of a core, ${mib(sample.rss_kib / 1024)}, ${sample.threads} ${sample.threads === 1 ? 'thread' : 'threads'}`,
    sample.user && `user ${sample.user}`,
    sample.command_line,
  ].filter(Boolean).join(' · ');
  const move = (text, target) => execute(`${sample.comm} ${text}`, [migrate(process, target)]);
  const where = nodeChoice(node);
  where.disabled = !mayAct();
  show(`#process=${name}`, sample.comm, about,
    make('div', { className: 'actions' }, where, action('Move there', () => move(`to ${nodeName(Number(where.value))}`, toNode(Number(where.value))))),
    make('div', { className: 'actions' },
      action('Send it home', () => move('home', 'Home'), mayAct() && node !== process.home),
      action('Where it computes best', () => move('where it computes best', 'Best')),
      action('Lock', () => execute(`Lock ${sample.comm}`, [{ Lock: { process, locked: true } }])),
      action('Unlock', () => execute(`Unlock ${sample.comm}`, [{ Lock: { process, locked: false } }])),
    ));
}

const SWITCHES = { Balancer: 'Balancer', Block: 'Take no guests', Stay: 'Nothing leaves', StayLocal: 'Own processes stay', Quiet: 'Tell no load' };

function openNode(id) {
  const node = nodes.get(id);
  if (!node) return;
  const admin = role === 'admin';
  const about = `Node ${id} at ${node.address}, ${node.cores.length} cores, ${mib(node.memory_total_mib)}, kernel ${node.kernel || 'unknown'}, module ${node.module ?? 'not loaded'}, up for ${Math.round(node.uptime_s / 3600)} h`;
  const set = (text, command) => execute(`${text} on ${node.name}`, [command]);
  const field = (label, value, build, hint) => {
    const input = make('input', { value, placeholder: hint, disabled: !admin, autocomplete: 'off' });
    return make('div', { className: 'actions' }, make('label', {}, label, ' ', input), action('Set', () => set(label, build(input.value)), admin));
  };
  const names = (text) => text.split(/[,\s]+/).filter(Boolean);
  show(`#node=${id}`, node.name, about,
    make('div', { className: 'actions' },
      action('Show its processes', () => { byId('q').value = `node:${id}`; search(); }, true),
      action('Send its guests home', () => set('Guests home', { Expel: { node: id } })),
      action('Call its processes home', () => set('Processes home', { Bring: { node: id } })),
    ),
    make('fieldset', {}, make('legend', { textContent: 'Switches' }),
      ...Object.entries(SWITCHES).map(([name, text]) => make('div', { className: 'actions' }, make('span', { textContent: text }),
        action('on', () => set(`${text} on`, { Switch: { node: id, switch: name, on: true } }), admin),
        action('off', () => set(`${text} off`, { Switch: { node: id, switch: name, on: false } }), admin)))),
    field('Affinity', node.affinity, (value) => ({ Affinity: { node: id, affinity: Number(value) || 0 } }), '0 is automatic'),
    field('Never move', '', (value) => ({ Names: { node: id, list: 'Exclude', names: names(value) } }), 'names, separated by commas'),
    field('Move only', '', (value) => ({ Names: { node: id, list: 'Include', names: names(value) } }), 'names, separated by commas'),
  );
}

let asked = location.hash;
/** Opens what the address names, once it is known. */
function answerAddress() {
  const [, what, name] = asked.match(/^#(process|node)=([\d.]+)$/) ?? [];
  if (what === 'process' && processes.has(name)) openProcess(name);
  else if (what === 'node' && nodes.has(Number(name))) openNode(Number(name));
  else return;
  asked = '';
}

// --- Recordings -----------------------------------------------------------------------------------------------------
const time = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`;
function drawPlayback() {
  if (!playback) return;
  let bar = byId('playback');
  const steer = (control) => { lastId += 1; pending.set(lastId, { text: 'The recording' }); say({ Playback: { id: lastId, control } }); };
  if (!bar) {
    const seek = make('input', { type: 'range', min: 0, onchange: () => steer({ Seek: Number(seek.value) }) });
    seek.ariaLabel = 'Time in the recording';
    const speed = make('select', { onchange: () => steer({ Speed: Number(speed.value) }) });
    speed.ariaLabel = 'Speed';
    for (const percent of [25, 50, 100, 200, 500, 1000]) speed.append(make('option', { value: percent, textContent: `${percent / 100}×` }));
    bar = make('div', { id: 'playback' }, make('button', { type: 'button', onclick: () => steer(playback.paused ? 'Play' : 'Pause') }), seek, make('span'), speed);
    document.querySelector('main').prepend(bar);
  }
  const [button, seek, text, speed] = bar.children;
  for (const element of [button, seek, speed]) element.disabled = !mayAct();
  setText(button, playback.paused ? 'Play' : 'Pause');
  seek.max = playback.length_ms;
  if (document.activeElement !== seek) seek.value = playback.position_ms;
  setText(text, `${time(playback.position_ms)} of ${time(playback.length_ms)}`);
  if (document.activeElement !== speed) speed.value = playback.speed_percent;
}

// --- Begin ----------------------------------------------------------------------------------------------------------
function search() {
  shownRows = MOST_ROWS;
  address.searchParams.set('q', byId('q').value);
  if (!byId('q').value) address.searchParams.delete('q');
  history.replaceState(null, '', address.pathname + address.search + location.hash);
  dirty = true;
  draw();
}

function begin() {
  for (const id of ['nodes', 'processes']) byId(id).tBodies[0].replaceChildren();
  const sortNodes = (by) => {
    nodeOrder = { key: by, down: nodeOrder.key === by ? !nodeOrder.down : NODE_COLUMNS[by].number || Boolean(NODE_COLUMNS[by].meter) };
    showOrder(byId('nodes'), nodeOrder);
    dirty = true;
    draw();
  };
  const sort = (by) => {
    order = { key: by, down: order.key === by ? !order.down : Boolean(COLUMNS[by].number) && by !== 'pid' };
    address.searchParams.set('sort', by);
    address.searchParams.set('down', order.down ? 1 : 0);
    history.replaceState(null, '', address.pathname + address.search + location.hash);
    showOrder(byId('processes'), order);
    dirty = true;
    draw();
  };
  const all = make('input', { type: 'checkbox', onchange: () => {
    for (const name of byId('processes').rowsByKey?.keys() ?? []) if (all.checked) selected.add(name); else selected.delete(name);
    dirty = true;
    draw();
  } });
  all.ariaLabel = 'Select all shown';
  heads(byId('nodes'), NODE_COLUMNS, nodeOrder, sortNodes);
  heads(byId('processes'), COLUMNS, order, sort, all);
  const q = byId('q');
  q.placeholder = 'calc node:2 cpu>50 user:ana state:guest';
  q.oninput = search;
  byId('search').onsubmit = (event) => { event.preventDefault(); search(); };
  document.body.append(dialog);
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !dialog.open && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      q.focus();
    }
  });
  document.body.classList.add('live');
}

// The tables of the page stay until the first news are here.
let begun = false;
setInterval(() => {
  if (!begun && nodes.size > 0) {
    begun = true;
    begin();
  }
  if (begun && performance.now() - drawn >= RENDER_MS) draw();
  showLink();
}, 100);
connect();
