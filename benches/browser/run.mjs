// Our page and what one would use instead, measured in one browser run on this machine; prints tables.
//
//   npm ci --prefix benches/browser
//   node benches/browser/run.mjs [--model resnet-50|efficientnet-lite0] [--firefox] [--repeat N] [--peer-repeat N]
//                                [--only ours,tfjs,ort,tfjs-wasm,ort-wasm,matmul,scaling] [--weights FILE] [--real-gpu] [--processor]
//                                [--tuning TILES] [--json FILE]
//
// Chromium computes on SwiftShader and CPU seconds are those of its GPU process; Firefox computes on Mesa's lavapipe and CPU
// seconds, from /proc, are those of the process that does it, which paints windows, too: all but its tabs and helpers. CPU seconds, because a busy machine stretches wall time much more.
// --real-gpu leaves the choice of adapter to Chromium; then read the milliseconds. --tuning "8x2/8x8w 8x2/8x8w 8x2/8x8w" measures
// our page once more, with these tiles instead of those that it chose on its first visit. --processor lets the processor compute our page:
// then the work is the renderer's, so that all processes are counted; tfjs-wasm and ort-wasm are what to compare it with.
// Needs a built page: scripts/serve --build, or DIST=folder; `module` the one of scripts/module. --weights: a safetensors file of the model; without it ResNet-50 is the
// untrained golden network, which `cargo run --example golden_weights` writes, and EfficientNet-Lite0 what its `fetch` has left.
// CHROMIUM, FIREFOX: the browser's program. Further peers: a page in peers/ that calls `ready`, a line in PEERS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import puppeteer from 'puppeteer-core';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.resolve(HERE, '../..');
const DIST = path.resolve(process.env.DIST ?? path.join(ROOT, 'dist'));
const PHOTO = path.join(ROOT, 'tests/golden/images/both.png'); // 224×224
const MODELS = {
  'resnet-50': {
    id: 'imagenet', // in weights/models.json
    gflop: 8.18, // multiplications and additions of a forward at 224×224: convolutions 8.17e9, the last layer 4e6
    layers: ['layer4', 'layer3', 'layer2', 'layer1', 'layer1.0'], // the one that the classifier pools first
    only: 'ours,tfjs,ort,matmul',
    weights: goldenWeights,
  },
  'efficientnet-lite0': {
    id: 'efficientnet-lite0',
    gflop: 0.77, // 0.385e9 multiply-adds, the last layer's 1.3e6 among them
    layers: ['head', 'blocks.4', 'blocks.2', 'blocks.0'],
    only: 'ours,tfjs,ort', // the matrix products are of ResNet-50's shapes
    weights: () => path.join(ROOT, 'weights/efficientnet-lite0/efficientnet-lite0.safetensors'),
    logits: { 243: 6.966, 242: 6.162, 282: 4.489 }, // PyTorch's, of the f16 file: bull mastiff, boxer, tiger cat
  },
};
const PEERS = {
  module: { name: 'Gradlens as an ES module on the processor,', tasks: ['forward', 'gradcam'], processor: true },
  tfjs: { name: 'TensorFlow.js webgpu', tasks: ['forward', 'gradcam', 'backward'] },
  ort: { name: 'ONNX Runtime Web webgpu', tasks: ['forward'] },
  'tfjs-wasm': { name: 'TensorFlow.js wasm, one thread', tasks: ['forward', 'gradcam'], processor: true },
  'ort-wasm': { name: 'ONNX Runtime Web wasm, one thread', tasks: ['forward'], processor: true },
};

const { values: options } = parseArgs({ options: {
  firefox: { type: 'boolean' }, 'real-gpu': { type: 'boolean' }, processor: { type: 'boolean' }, repeat: { type: 'string', default: '5' },
  'peer-repeat': { type: 'string', default: '3' }, only: { type: 'string' },
  model: { type: 'string', default: 'resnet-50' },
  weights: { type: 'string' }, tuning: { type: 'string' }, json: { type: 'string' },
} });
const REPEAT = Number(options.repeat), PEER_REPEAT = Number(options['peer-repeat']);
const MODEL = MODELS[options.model];
if (!MODEL) throw new Error(`--model ${options.model}: expected one of ${Object.keys(MODELS).join(', ')}`);
const ONLY = (options.only ?? MODEL.only).split(',');
/** What takes long is done once; what is short, so often that it is above the noise of a browser's own work. */
const enough = ({ wall }) => Math.min(Math.max(Math.round(400 / wall), 1), 20);

const SCRATCH = fs.mkdtempSync(path.join(os.tmpdir(), 'gradlens-bench-'));
process.on('exit', () => fs.rmSync(SCRATCH, { recursive: true, force: true }));
const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const say = line => console.error(`${new Date().toTimeString().slice(0, 8)}  ${line}`);

// ---- server ----

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png' };

/** The page under /page/, a peer under /peers/NAME, its packages under /node_modules/. */
async function serve(weights) {
  const shipped = JSON.parse(fs.readFileSync(path.join(ROOT, 'weights/models.json')));
  const bytes = fs.readFileSync(weights);
  const sha256 = crypto.createHash('sha256').update(bytes).digest('hex');
  const model = { ...shipped.find(model => model.id === MODEL.id), size: bytes.length, sha256 };
  model.preprocessing = { ...model.preprocessing, longest: 896 };
  const list = Buffer.from(JSON.stringify([model]));
  const made = {
    [`/page/${model.file}`]: bytes,
    '/page/weights/models.json': list,
    '/photo': fs.readFileSync(PHOTO),
  };
  const worker = path.join(DIST, 'worker.js');
  if (fs.existsSync(worker)) { // it keeps nothing when a file is not the one it was built with
    const digest = crypto.createHash('sha256').update(list).digest('hex').slice(0, 32);
    made['/page/worker.js'] = Buffer.from(fs.readFileSync(worker, 'utf8').replace(/("weights\/models\.json",\s*")[0-9a-f]+/, `$1${digest}`));
  }
  for (const peer of [...Object.keys(PEERS), 'matmul']) {
    const { outputFiles: [script] } = await build({
      entryPoints: [path.join(HERE, `peers/${peer}.js`)], bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, logLevel: 'error' });
    made[`/peers/${peer}.js`] = Buffer.from(script.contents);
    made[`/peers/${peer}.html`] = Buffer.from(`<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="${peer}.js"></script>`);
  }
  const folders = { '/page/': DIST, '/pkg/': path.join(ROOT, 'pkg'), '/node_modules/': path.join(HERE, 'node_modules') };
  const server = http.createServer((request, response) => {
    let name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    if (name.endsWith('/')) name += 'index.html';
    const [prefix, folder] = Object.entries(folders).find(([prefix]) => name.startsWith(prefix)) ?? [];
    const file = folder && path.join(folder, name.slice(prefix.length));
    const content = made[name] ?? (file?.startsWith(folder) && fs.existsSync(file) && fs.statSync(file).isFile() ? fs.readFileSync(file) : null);
    response.writeHead(content ? 200 : 404, {
      'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream', 'content-length': content?.length ?? 0, 'cache-control': 'max-age=3600', // what a second visit finds
     
      'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }); // WebAssembly threads want these
    response.end(content);
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } };
}

function goldenWeights() {
  const file = path.join(SCRATCH, 'golden.safetensors');
  say('writing the golden weights');
  execFileSync('cargo', ['run', '--release', '--quiet', '--example', 'golden_weights', '--', '--dtype', 'f32', '--out', file], { cwd: ROOT, stdio: 'inherit' });
  return file;
}

function weightsFile() {
  const file = options.weights ? path.resolve(options.weights) : MODEL.weights();
  if (!fs.existsSync(file)) throw new Error(`${path.relative(ROOT, file)} is missing: run ${path.relative(ROOT, path.join(path.dirname(file), 'fetch'))}, or name a file with --weights`);
  return file;
}

// ---- browser ----

/** In a new profile: no shader was ever compiled in it. */
function launch() {
  if (options.firefox) {
    const cache = path.join(SCRATCH, 'cache'); // else Mesa's own shader cache hides what compiling costs
    return puppeteer.launch({
      browser: 'firefox', executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr', headless: true, protocolTimeout: 0,
      env: { ...process.env, XDG_CACHE_HOME: cache },
      extraPrefsFirefox: { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true, 'intl.accept_languages': 'en-US' },
    });
  }
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, protocolTimeout: 0,
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-dev-shm-usage', '--enable-unsafe-webgpu', '--lang=en-US',
      ...(options['real-gpu'] ? [] : ['--use-webgpu-adapter=swiftshader'])],
  });
}

/** Returns a function that tells the CPU seconds used so far: { gpu, all }. */
async function meter(browser) {
  if (options.firefox) {
    // WebGPU runs in the browser's first process or in one of its own for the GPU; what tabs run is elsewhere.
    return async () => processTree(browser.process().pid);
  }
  const session = await browser.target().createCDPSession();
  return async () => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const sum = of => processInfo.filter(of).reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    const all = sum(() => true);
    return { gpu: options.processor ? all : sum(({ type }) => type === 'GPU'), all };
  };
}

function processTree(root) {
  const seconds = new Map(), children = new Map(), tabs = new Set();
  for (const pid of fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number)) {
    let stat;
    try {
      stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      continue; // it has just ended
    }
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    seconds.set(pid, (Number(fields[11]) + Number(fields[12])) / 100);
    children.set(Number(fields[1]), [...children.get(Number(fields[1])) ?? [], pid]);
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (command.includes('-contentproc') && !/\0gpu\0*$/.test(command)) tabs.add(pid);
  }
  const walk = (pid, counts) => (counts(pid) ? seconds.get(pid) ?? 0 : 0) + (children.get(pid) ?? []).reduce((sum, child) => sum + walk(child, counts), 0);
  const all = walk(root, () => true);
  return { gpu: options.processor ? all : walk(root, pid => !tabs.has(pid)), all };
}

/** Runs `work`, which may answer { ms }, and tells what it cost, divided by `count` pieces of work. */
async function cost(cpu, work, count = 1) {
  const before = await cpu(), started = performance.now();
  const answer = await work();
  const wall = performance.now() - started;
  await sleep(150); // what the browser still paints belongs to it
  const after = await cpu();
  return { ...answer, wall: wall / count, gpu: (after.gpu - before.gpu) / count, all: (after.all - before.all) / count };
}

// ---- ours ----

const id = name => `[data-testid="${name}"]`;
/** Does something on the page and waits for the next map. In the page, without polling: frames cost CPU seconds too. */
const act = (tab, kind, value) => tab.evaluate(async (kind, value) => {
  const find = name => document.querySelector(`[data-testid="${name}"]`);
  const status = find('status');
  const before = status.dataset.maps;
  if (kind === 'class') {
    const classes = [...document.querySelectorAll('[data-testid="top-k"] li button')].slice(0, 5);
    classes[(classes.findIndex(button => button.ariaPressed === 'true') + 1) % 5].click();
  }
  else if (kind !== 'wait' && kind !== 'next') {
    find(kind).value = value;
    find(kind).dispatchEvent(new Event('change', { bubbles: true }));
  }
  await new Promise((resolve, reject) => {
    const look = () => {
      if (find('error')) reject(new Error(find('error').textContent));
      else if (status.dataset.state === 'done' && (kind === 'wait' || status.dataset.maps !== before)) resolve();
      else return;
      observer.disconnect();
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { subtree: true, childList: true, attributes: true });
    look();
  });
  await new Promise(resolve => setTimeout(resolve, 0));
  const { forward, explain } = find('elapsed').dataset;
  return { forward: Number(forward), explain: Number(explain) };
}, kind, value);

/** In the page: keeps what the status line said, and when. */
function noteStates() {
  window.states = [];
  const look = () => {
    const text = document.querySelector('[data-testid="status"] [role="status"]')?.textContent.trim();
    if (text && text !== window.states.at(-1)?.text) window.states.push({ text, at: performance.now() });
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
}

/** Who is measured: opened here; then `round(i)` in turns with the others, and `again()`, a further visit. */
async function ours(browser, url, cpu, tiles) {
  const newTab = async () => {
    const tab = await browser.newPage();
    await tab.evaluateOnNewDocument(processor => { localStorage['gradlens-processor'] = processor ? 'yes' : 'no'; }, options.processor ?? false);
    await tab.setViewport({ width: 1280, height: 900 });
    await tab.evaluateOnNewDocument(noteStates);
    return tab;
  };
  const open = tab => cost(cpu, async () => {
    await tab.goto(`${url}/page/`);
    await (await tab.waitForSelector(id('photo-input'), { timeout: 0 })).uploadFile(PHOTO);
    return act(tab, 'wait');
  });
  const tab = await newTab();
  const rows = {};
  const first = await open(tab);
  rows['first picture, from opening the page'] = [first];
  const adapter = await tab.$eval(`${id('adapter')} span`, element => element.textContent.trim());
  const phasesOf = async (tab, { wall }) =>
    (await tab.evaluate('window.states')).map(({ text, at }, i, all) => [text, Math.round((all[i + 1]?.at ?? wall) - at)]);
  const results = { adapter, rows, phases: await phasesOf(tab, first) };
  // It keeps the page for further visits when the first picture is out. Not in a build without worker.js.
  const kept = await tab.waitForSelector('html[data-kept]', { timeout: 30000 }).then(() => true, () => false);
  let tuning = await tab.evaluate(() => Object.entries(localStorage).find(([key]) => key.startsWith('gradlens-tuning'))?.[1]);
  if (tiles) {
    delete rows['first picture, from opening the page']; // it is no longer a first visit
    await tab.evaluate(tiles => {
      localStorage.setItem(Object.keys(localStorage).find(key => key.startsWith('gradlens-tuning')), tiles);
    }, tiles);
    rows['first picture without tuning, from opening the page'] = [await open(tab)];
    tuning = tiles;
  }
  const best = await tab.$eval(`${id('top-k')} li`, item => ({ class: Number(item.dataset.class), probability: Number(item.dataset.probability) }));
  say(`our page: ${adapter}, tuning ${tuning}, ${kept ? '' : 'not '}kept for further visits`);

  const [last, ...lower] = MODEL.layers;
  // On a 224×224 photo both fits are 224×224 inputs: each change of the fit is a forward and the map after it.
  const fits = ['crop', 'whole'];
  let fit = 0;
  const tasks = [
    { layer: last, name: OWN.pass, once: () => act(tab, 'fit-select', fits[fit++ % 2]) },
    ...[last, ...lower].map(layer => ({ layer, name: OWN.another(layer), once: () => act(tab, 'class') })),
  ];
  let at = last;
  const round = async i => {
    await tab.bringToFront();
    for (const task of tasks) {
      if (task.layer !== at) await act(tab, 'layer-select', at = task.layer);
      if (i === 0) { // records steps and compiles, and does not count
        await task.once();
        task.count = enough(await cost(cpu, task.once));
        continue;
      }
      (rows[task.name] ??= []).push(await cost(cpu, async () => {
        let last;
        for (let i = 0; i < task.count; i++) last = await task.once();
        return last;
      }, task.count));
    }
    if (i) say(`our page, round ${i}: ${tasks.map(({ name }) => rows[name].at(-1).gpu.toFixed(3)).join(', ')} CPU s`);
  };
  const again = async () => {
    const tab = await newTab();
    const row = await open(tab);
    (rows['a further visit: first picture, from opening the page'] ??= []).push(row);
    results.phasesAgain = await phasesOf(tab, row);
    await tab.close();
  };
  Object.assign(results, { tuning, kept, best });
  return { results, rounds: REPEAT, round, again, close: () => tab.close() };
}

/** The names of our rows. */
const OWN = {
  pass: `forward + Grad-CAM at ${MODEL.layers[0]}`,
  another: layer => `Grad-CAM at ${layer}, another class, no forward`,
};

/** Forwards of growing photos: ours only. */
async function scaling(browser, url, cpu) {
  const tab = await browser.newPage();
  await tab.goto(`${url}/page/`);
  await (await tab.waitForSelector(id('photo-input'), { timeout: 0 })).uploadFile(PHOTO);
  await act(tab, 'wait');
  const rows = {};
  for (const side of [224, 448, 896]) {
    const file = path.join(SCRATCH, `${side}.bmp`);
    fs.writeFileSync(file, bmp(side));
    rows[side] = [];
    for (let i = 0; i < 4; i++) {
      const input = await tab.$(id('photo-input'));
      const row = await cost(cpu, async () => {
        const next = act(tab, 'next');
        await input.uploadFile(file);
        return next;
      });
      if (i > 0) rows[side].push(row); // the first makes buffers of this size
    }
    say(`our page, ${side}×${side}: ${median(rows[side], 'gpu').toFixed(2)} CPU s`);
  }
  await tab.close();
  return { rows };
}

/** A smooth square picture of 24 bits a pixel. */
function bmp(side) {
  const bytes = Buffer.alloc(54 + side * side * 3);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(side, 18);
  bytes.writeInt32LE(side, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  for (let i = 0; i < side * side * 3; i++) bytes[54 + i] = 128 + 100 * Math.sin(i % side * 9 / side) * Math.cos(i / side / side * 5);
  return bytes;
}

// ---- peers ----

async function peerTab(browser, url, peer, cpu) {
  const tab = await browser.newPage();
  const opened = await cost(cpu, async () => {
    await tab.goto(`${url}/peers/${peer}.html?model=${options.model}`, { timeout: 0 });
    await tab.waitForFunction('window.ready', { timeout: 0, polling: 10 });
  });
  const ready = await tab.evaluate('window.ready');
  if (ready.error) throw new Error(`${peer}: ${ready.error}`);
  return { tab, opened, ready };
}

/** As `ours`. */
async function peer(browser, url, cpu, which) {
  const { tasks, processor } = PEERS[which];
  const of = processor ? async () => { const { all } = await cpu(); return { gpu: all, all }; } : cpu;
  const take = (tab, task, count = 1) => cost(of, () => tab.evaluate((task, count) => window.task(task, count), task, count), count);
  const open = async () => {
    const { tab, opened, ready } = await peerTab(browser, url, which, of);
    const first = await take(tab, 'forward');
    const whole = Object.fromEntries(['wall', 'gpu', 'all'].map(key => [key, opened[key] + first[key]]));
    return { tab, ready, first: { ...whole, prepared: ready.prepared } };
  };
  const { tab, ready, first } = await open();
  const name = `${PEERS[which].name} ${ready.version}`;
  const rows = { 'first result, from opening the page': [first] };
  const counts = {};
  const best = await tab.evaluate(() => window.answer());
  say(`${name}: opened, ${first.wall.toFixed(0)} ms; class ${best.class}, ${best.probability.toFixed(5)}`);
  const round = async i => {
    await tab.bringToFront();
    for (const task of tasks) {
      if (i === 0) {
        let row = await take(tab, task);
        if (row.wall < 5000) row = await take(tab, task); // the first compiled
        counts[task] = enough(row);
      } else {
        (rows[task] ??= []).push(await take(tab, task, counts[task]));
      }
    }
    if (i) say(`${name}, round ${i}: ${tasks.map(task => rows[task].at(-1).gpu.toFixed(3)).join(', ')} CPU s`);
  };
  const again = async i => {
    if (i && first.wall > 10000) return;
    const { tab, first: row } = await open();
    (rows['a further visit: first result, from opening the page'] ??= []).push(row);
    await tab.close();
  };
  return { results: { name, best, rows }, rounds: PEER_REPEAT, round, again, close: () => tab.close() };
}

async function matmul(browser, url, cpu) {
  const { tab, ready } = await peerTab(browser, url, 'matmul', cpu);
  const rates = {};
  for (const [shape, sizes] of Object.entries(ready.shapes)) {
    for (const kernel of ready.kernels) {
      const prepared = await tab.evaluate((...question) => window.prepare(...question), kernel, sizes, 400);
      if (!prepared) continue;
      assert(prepared.error < 1e-2, `${kernel} on ${shape} is wrong by ${prepared.error}`);
      const rows = [];
      for (let i = 0; i < REPEAT; i++) rows.push(await cost(cpu, () => tab.evaluate(() => window.run().then(() => ({}))), prepared.count));
      const gflop = 2 * sizes.reduce((a, b) => a * b) / 1e9;
      (rates[kernel] ??= {})[shape] = gflop / median(rows, 'gpu');
      say(`matrix product ${kernel}, ${shape}: ${rates[kernel][shape].toFixed(2)} GFLOP a CPU second`);
    }
  }
  await tab.close();
  return { shapes: ready.shapes, rates };
}

// ---- tables ----

function median(rows, key) {
  const values = rows.map(row => row[key]).sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

const digits = value => (value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toFixed(4));

function print(results) {
  const out = [];
  const seconds = rows => `${digits(median(rows, 'gpu'))} | ${digits(median(rows, 'all'))}`;
  const { pass } = OWN, again = OWN.another(MODEL.layers[0]), deepest = OWN.another(MODEL.layers.at(-1));
  const take = (rows, i) => (i === undefined ? median(rows, 'gpu') : rows[i].gpu);
  /** Of one round, or the median of all. */
  const ownForward = ({ rows }, i) => take(rows[pass], i) - take(rows[again], i);
  /** The median of the rounds' ratios: all that is measured in one round is measured within seconds. */
  const ratio = (rows, own) => {
    const rounds = Math.min(rows.length, results.ours ? own().length : 0);
    return rounds ? digits(median(rows.slice(0, rounds).map((row, i) => ({ ratio: row.gpu / own()[i] })), 'ratio')) : '';
  };
  out.push(`${options.model}, ${results.date}, ${results.browser}, load average ${results.load.join(' → ')}`, '');
  out.push(`| who | what | n | CPU s, ${options.processor ? 'all processes' : options.firefox ? 'without tabs' : 'GPU process'} | all processes | wall ms | ours = 1 |`, '|---|---|---|---|---|---|---|');
  const row = (who, what, rows, own) => out.push(`| ${who} | ${what} | ${rows.length} | ${seconds(rows)} | ${median(rows, 'wall').toFixed(0)} | ${own ? ratio(rows, own) : ''} |`);
  for (const own of [results.ours, results.tiled].filter(Boolean)) {
    const who = own === results.tiled ? `Gradlens, tiles ${own.tuning}` : 'Gradlens';
    for (const [what, rows] of Object.entries(own.rows)) row(who, what, rows);
    if (!own.rows[pass]) continue;
    const [forward, explain] = ['forward', 'explain'].map(key => median(own.rows[pass], key).toFixed(0));
    out.push(`| ${who} | forward: the first less the second of the two at ${MODEL.layers[0]} | | ${digits(ownForward(own))} | | ${forward} by the page itself, its map ${explain} | |`);
  }
  const each = of => (results.ours?.rows[pass] ?? []).map((_, i) => of(results.ours.rows, i));
  const like = {
    forward: () => each((_, i) => ownForward(results.ours, i)),
    gradcam: () => each((rows, i) => rows[pass][i].gpu),
    backward: () => each((rows, i) => ownForward(results.ours, i) + rows[deepest][i].gpu),
  };
  for (const which of Object.keys(PEERS).filter(which => results[which])) {
    const { name, rows } = results[which];
    const what = { gradcam: pass, backward: `forward + gradient of the input (ours: of ${MODEL.layers.at(-1)})` };
    const opening = task => () => (results.ours.rows[task.replace('result', 'picture')] ?? []).map(row => row.gpu);
    for (const [task, taken] of Object.entries(rows)) row(name, what[task] ?? task, taken, like[task] ?? opening(task));
  }
  const prepared = Object.keys(PEERS).filter(which => results[which]).map(which => `${results[which].name} ${Object.entries(results[which].rows).filter(([, [row]]) => row.prepared).map(([, rows]) => median(rows, 'prepared').toFixed(0)).join(' and ')}`);
  if (prepared.length) out.push('', `Of the openings, ms for reading and folding the weights and for writing the ONNX file, which a page deployed with a file of that kind would not spend: ${prepared.join('; ')}.`);
  for (const own of [results.ours, results.tiled].filter(Boolean)) {
    const forward = ownForward(own);
    out.push('', `| on top of a forward${own.tuning ? `, tiles ${own.tuning}` : ''} | share of the forward |`, '|---|---|');
    for (const [what, rows] of Object.entries(own.rows).filter(([what]) => what.endsWith('no forward'))) {
      out.push(`| ${what} | ${(100 * median(rows.map((row, round) => ({ share: row.gpu / ownForward(own, round) })), 'share')).toFixed(1)} % |`);
    }
    out.push('', `${own.adapter}. The forward's rate: ${digits(MODEL.gflop / forward)} GFLOP a CPU second.`);
  }
  for (const [visit, phases] of [['First visit', results.ours?.phases], ['The last further visit', results.ours?.phasesAgain]]) {
    if (phases) out.push('', `${visit}, ms: ${phases.map(([text, milliseconds]) => `${text} ${milliseconds}`).join('; ')}.`);
  }
  if (results.matmul) {
    const { shapes, rates } = results.matmul;
    out.push('', '| plain matrix products, GFLOP a CPU second | ' + Object.keys(shapes).join(' | ') + ' |', '|---|' + '---|'.repeat(Object.keys(shapes).length));
    for (const [kernel, of] of Object.entries(rates)) out.push(`| ${kernel} | ${Object.keys(shapes).map(shape => of[shape] ? digits(of[shape]) : '–').join(' | ')} |`);
  }
  if (results.scaling) {
    out.push('', '| photo | CPU s, forward + map | against 224×224 | pixels against 224×224 |', '|---|---|---|---|');
    const base = median(results.scaling.rows[224], 'gpu');
    for (const [side, rows] of Object.entries(results.scaling.rows)) out.push(`| ${side}×${side} | ${digits(median(rows, 'gpu'))} | ${digits(median(rows, 'gpu') / base)} | ${(side / 224) ** 2} |`);
  }
  console.log(out.join('\n'));
}

// ---- all of it ----

const server = await serve(weightsFile());
const browser = await launch();
const results = { date: new Date().toISOString().slice(0, 10), browser: await browser.version(), load: [os.loadavg()[0].toFixed(1)] };
try {
  const cpu = await meter(browser);
  const measured = { ours, tiled: (...all) => ours(...all, options.tuning) };
  for (const which of Object.keys(PEERS)) measured[which] = (...all) => peer(...all, which);
  if (options.tuning) ONLY.push('tiled');
  const open = [];
  for (const [name, start] of Object.entries(measured)) {
    if (!ONLY.includes(name)) continue;
    open.push(await start(browser, server.url, cpu));
    results[name] = open.at(-1).results;
  }
  // In turns: a machine that slows down does so for all of them.
  for (let i = 0; i <= Math.max(REPEAT, PEER_REPEAT); i++) for (const who of open) if (i <= who.rounds) await who.round(i);
  for (const who of open) await who.close();
  if (!options.tuning) for (let i = 0; i < Math.max(REPEAT, PEER_REPEAT); i++) for (const who of open) if (i < who.rounds) await who.again(i);
  for (const [name, job] of Object.entries({ matmul, scaling })) if (ONLY.includes(name)) results[name] = await job(browser, server.url, cpu);
} finally {
  await browser.close();
  server.close();
}
results.load.push(os.loadavg()[0].toFixed(1));
print(results);
if (options.json) fs.writeFileSync(options.json, JSON.stringify(results, null, 1));
// The same weights and photo: whoever answers otherwise was not measured doing the same work.
const answers = ['ours', 'tiled', ...Object.keys(PEERS)].filter(name => results[name]).map(name => ({ name, ...results[name].best }));
for (const { name, ...best } of answers) {
  if (MODEL.logits && !options.weights && best.logits) {
    for (const [k, logit] of Object.entries(MODEL.logits)) assert(Math.abs(best.logits[k] - logit) < 2e-3, `${name}: logit ${k} is ${best.logits[k]}, PyTorch's ${logit}`);
  }
  assert.equal(best.class, answers[0].class, `${name} sees another class than ${answers[0].name}`);
  assert(Math.abs(best.probability - answers[0].probability) < 1e-3, `${name}: ${best.probability}, ${answers[0].name}: ${answers[0].probability}`);
}
