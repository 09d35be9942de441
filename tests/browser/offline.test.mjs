// Without a network: the kept page after a first visit, its updates, and the one-file page opened from a disk.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { DIST, ROOT, SCRATCH, chromium, id, notInFirefox, open, scratch, serve, sha256, tinyModels } from './support.mjs';
import { photoPng } from './tiny.mjs';

let browser;
const photo = scratch('photo.png', photoPng(120, 80));

before(async () => { browser = await chromium(); });
after(() => browser?.close());

let site;
/** Closed whatever happens, and in some tests before: a server left open keeps the run from ending. */
async function host(files, options) {
  site = await serve(files, options);
  return site;
}
afterEach(async () => {
  await site?.close();
  site = undefined;
});

const kept = page => page.tab.waitForFunction(() => 'kept' in document.documentElement.dataset, { timeout: 60_000 });

/** The worker's list for what `files` make of the page, as scripts/after-build writes it. */
function worker(files) {
  const text = fs.readFileSync(path.join(DIST, 'worker.js'), 'utf8');
  const list = /new Map\((\[.*?\]\])\)/s.exec(text.replace(/\],\s*\]/g, ']]'));
  const names = new Map(JSON.parse(list[1]));
  for (const [name, bytes] of Object.entries(files)) if (bytes && name !== 'worker.js') names.set(name, sha256(bytes));
  // 22 MB that these tests do not look at.
  for (const name of [...names.keys()]) if (name.endsWith('.safetensors') && name !== 'weights/tiny.safetensors') names.delete(name);
  return Buffer.from(text.replace(/new Map\([^]*?\]\s*\)/, `new Map(${JSON.stringify([...names])})`));
}

describe('without a network', () => {
  it('lists every file of the page with its digest, but for large models', () => {
    const text = fs.readFileSync(path.join(DIST, 'worker.js'), 'utf8');
    const listed = new Map([...text.matchAll(/\["([^"]+)",\s*"([0-9a-f]{32})"\]/g)].map(([, name, digest]) => [name, digest]));
    const all = fs.readdirSync(DIST, { recursive: true }).filter(name => fs.statSync(path.join(DIST, name)).isFile());
    for (const name of all) {
      const bytes = fs.readFileSync(path.join(DIST, name));
      if (name === 'worker.js' || name.startsWith('.') || bytes.length > 16 << 20) assert.ok(!listed.has(name), name);
      else assert.equal(listed.get(name), sha256(bytes).slice(0, 32), name);
    }
    assert.ok(listed.size > 10);
  });

  it('opens and explains after one visit, once the server is gone', async () => {
    const files = tinyModels();
    files['worker.js'] = worker(files);
    const site = await host(files, { worker: true });
    const page = await open(browser, site.url);
    await page.reach('ready');
    await kept(page);
    assert.match(await page.text('footer'), /without a network/);
    await site.close();
    await page.tab.reload();
    await page.reach('ready');
    await page.look(photo);
    assert.equal(await page.state(), 'done');
    await page.click(id('sample-chelsea'));
    await page.tab.waitForFunction(canvas => document.querySelector(canvas).width === 451, {}, id('overlay-canvas'));
    await page.reach('done');
    await page.close();
  });

  it('takes the new version as soon as there is a network, and forgets the old one', async () => {
    const files = tinyModels();
    files['worker.js'] = worker(files);
    const site = await host(files, { worker: true });
    const page = await open(browser, site.url);
    await page.reach('ready');
    await kept(page);

    const html = fs.readFileSync(path.join(DIST, 'index.html'), 'utf8');
    files['index.html'] = Buffer.from(html.replace('<html', '<html data-version="2"'));
    files['worker.js'] = worker(files);
    await page.tab.reload();
    assert.equal(await page.tab.$eval('html', html => html.dataset.version), '2', 'the first reload already shows it');
    await page.reach('ready');
    const old = sha256(Buffer.from(html)).slice(0, 32);
    await page.tab.waitForFunction(async old => {
      const cache = await caches.open((await caches.keys()).find(name => name.startsWith('gradlens ')));
      const urls = (await cache.keys()).map(request => request.url);
      return urls.filter(url => url.includes('index.html')).length === 1 && !urls.some(url => url.includes(old));
    }, { timeout: 30_000, polling: 200 }, old);
    await site.close();
    await page.tab.reload();
    await page.reach('ready');
    assert.equal(await page.tab.$eval('html', html => html.dataset.version), '2');
    await page.close();
  });

  it('keeps nothing of a host that serves two versions at once', async () => {
    const files = tinyModels();
    files['worker.js'] = worker({ ...files, 'weights/tiny.json': Buffer.from('["another version"]') });
    const site = await host(files, { worker: true });
    const page = await open(browser, site.url);
    await page.reach('ready');
    await page.tab.waitForFunction(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      return !registration || (!registration.installing && !registration.active);
    }, { timeout: 30_000, polling: 200 });
    assert.ok(!(await page.tab.$eval('html', html => 'kept' in html.dataset)));
    await page.look(photo);
    assert.equal(await page.state(), 'done');
    await page.close();
  });

  it('can be installed', notInFirefox('its protocol does not tell of manifests'), async () => {
    const site = await host(tinyModels());
    const page = await open(browser, site.url);
    const session = await page.tab.createCDPSession();
    const { url, data, errors } = await session.send('Page.getAppManifest');
    assert.ok(url.startsWith(site.url) && data, 'no manifest');
    assert.deepEqual(errors, []);
    const { icons } = JSON.parse(data);
    for (const { src, sizes } of icons) {
      const png = fs.readFileSync(path.join(DIST, src));
      assert.equal(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, sizes, src);
    }
    await page.close();
  });
});

describe('one HTML file', () => {
  const file = path.join(SCRATCH, 'gradlens.html');
  before(() => execFileSync(path.join(ROOT, 'scripts/single-file'), ['--no-build', '--out', file], { env: { ...process.env, DIST } }));

  it('works from a disk, with the default model, and asks nobody anything', async () => {
    const page = await open(browser, pathToFileURL(file).href);
    await page.reach('ready', 'error');
    assert.equal(await page.error(), '');
    const [model] = JSON.parse(fs.readFileSync(path.join(DIST, 'weights/models.json')));
    assert.equal(model.id, 'efficientnet-lite0', 'weights/efficientnet-lite0/fetch could not get it when this page was built');
    await page.click(id('sample-dog'));
    await page.tab.waitForFunction(status => document.querySelector(status).dataset.maps === '1', { timeout: 120_000 }, id('status'));
    assert.equal((await page.ranking())[0].name, 'German shepherd');
    // What is neither inside nor on another host is not offered.
    assert.deepEqual(await page.tab.$$eval(`${id('model-select')} option`, options => options.map(option => option.value)),
      [model.id, 'imagenet', 'imagenet-v2']);
    assert.ok((await page.tab.$$eval('.samples img', images => images.map(image => image.naturalWidth))).every(width => width > 0));
    // Nor are lessons on other models, or questions.
    await page.tab.$eval(id('teach'), details => { details.open = true; });
    await page.tab.waitForSelector(id('lesson-1'));
    assert.equal((await page.tab.$$(`${id('teach')} .teach-lessons > li`)).length, 5);
    await page.radio('input[name="look"][value="ask"]');
    await page.tab.waitForFunction(() => document.body.textContent.includes('This copy of the page does not hold it.'));
    assert.equal(await page.tab.$(`${id('ask-network')}:not([hidden] *)`), null);
    await page.radio('input[name="look"][value="name"]');
    // The hosts that may hold ImageNet are still asked only after a yes.
    await page.tab.select(id('model-select'), 'imagenet');
    await page.tab.waitForSelector(id('offer'));

    const asked = page.requests.filter(({ url }) => !/^(data|blob):/.test(url));
    assert.deepEqual(asked.map(({ url }) => url).filter(url => url !== pathToFileURL(file).href), []);
    assert.deepEqual(page.complaints, []);
    await page.context.close();
  });

  it('fits into 15 MB', t => {
    const { size } = fs.statSync(file);
    t.diagnostic(`${size} bytes`);
    assert.ok(size <= 15e6, `${size} bytes`);
  });

  it('holds another model where that is asked for', async () => {
    const other = path.join(SCRATCH, 'emoji50.html');
    execFileSync(path.join(ROOT, 'scripts/single-file'), ['--no-build', '--model', 'emoji50', '--out', other], { env: { ...process.env, DIST } });
    const page = await open(browser, pathToFileURL(other).href);
    await page.reach('ready', 'error');
    assert.equal(await page.error(), '');
    await page.click(id('sample-cat-dog'));
    await page.tab.waitForFunction(status => document.querySelector(status).dataset.maps === '1', { timeout: 120_000 }, id('status'));
    const names = (await page.ranking()).map(row => row.name);
    assert.ok(names.some(name => /cat|dog/.test(name)), names.join());
    await page.radio('input[name="look"][value="ask"]');
    await page.tab.waitForSelector(id('question'));
    await page.tab.type(id('question'), 'What is left of the dog?');
    await page.tab.keyboard.press('Enter');
    await page.tab.waitForSelector(`${id('answers')} li`, { timeout: 60_000 });
    assert.deepEqual(page.complaints, []);
    await page.context.close();
  });

  it('has a policy without holes', () => {
    const html = fs.readFileSync(file, 'utf8');
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(html)[1];
    assert.match(policy, /default-src 'none'; script-src 'sha256-[^']+' 'wasm-unsafe-eval'; style-src 'sha256-/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|'self'|\*(?!\.)/);
  });
});
