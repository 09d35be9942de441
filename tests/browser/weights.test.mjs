// Weights as they reach a visitor: from another host that is slow, cuts, alters, refuses or says little; kept in the browser, and
// thrown away. The other host is a server of its own on this computer with a certificate of its own; the page's policy is widened by
// that one address, and its list of models names it. One download is of the real size and format.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DIST, ROOT, SCRATCH, chromium, firefox, id, inEngine, notInFirefox, scratch, serve, sha256, tinyModels, visitPage } from './support.mjs';
import { photoPng, tinyResnet } from './tiny.mjs';

const photo = scratch('photo.png', photoPng(120, 80));
const tiny = tinyResnet();

/** Made for this run by openssl; browsers are told to take any. */
function certificate() {
  const [key, cert] = ['key.pem', 'cert.pem'].map(name => path.join(SCRATCH, name));
  if (!fs.existsSync(cert)) {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2',
      '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
  }
  return { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
}

/**
 * A host with one file. `behave` may be changed at any time: { bytes, cors, range, length, rate (bytes a second), cut (after so many
 * bytes, once for each number of the list), status }.
 */
async function host() {
  const behave = { bytes: tiny, cors: true, range: true, length: true, cut: [] };
  const asked = [];
  const server = https.createServer(certificate(), async (request, response) => {
    const from = behave.range ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    asked.push({ method: request.method, range: request.headers.range, from });
    const headers = { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' };
    if (behave.cors) headers['access-control-allow-origin'] = '*';
    const rest = behave.bytes.subarray(from);
    if (behave.length) headers['content-length'] = rest.length;
    if (from) headers['content-range'] = `bytes ${from}-${behave.bytes.length - 1}/${behave.bytes.length}`;
    response.writeHead(behave.status ?? (from ? 206 : 200), headers);
    const cut = behave.cut.shift();
    const end = cut === undefined ? rest.length : Math.max(cut - from, 0);
    const step = 256 << 10;
    response.setMaxListeners(0);
    for (let at = 0; at < end && !response.destroyed; at += step) {
      if (!response.write(rest.subarray(at, Math.min(at + step, end)))) await new Promise(resolve => response.once('drain', resolve).once('close', resolve));
      if (behave.rate) await new Promise(resolve => setTimeout(resolve, 1000 * step / behave.rate));
    }
    // A chunked answer that just ends would look complete: a cut is a broken connection.
    if (cut === undefined) response.end(); else response.destroy();
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const origin = `https://127.0.0.1:${server.address().port}`;
  return { behave, asked, origin, url: `${origin}/model.safetensors`, close: () => { server.closeAllConnections(); server.close(); } };
}

/** The page with a model, `away`, that only `hosts` have; `change` changes its entry. */
async function siteOf(hosts, change = {}, files = {}) {
  const shipped = tinyModels();
  const [first] = JSON.parse(shipped['weights/models.json']);
  const away = { ...first, id: 'away', name: 'Away', name_zh: '远方', file: 'weights/away.safetensors', urls: hosts.map(host => host.url), ...change };
  const html = fs.readFileSync(path.join(DIST, 'index.html'), 'utf8').replace("connect-src 'self'", `connect-src 'self' ${hosts.map(host => host.origin).join(' ')}`);
  return serve({ ...shipped, 'weights/models.json': Buffer.from(JSON.stringify([first, away])), 'index.html': Buffer.from(html), ...files });
}

/** Opens, works, closes; requests to `hosts` are allowed. */
const visit = (browser, site, hosts, work, options) => visitPage(browser, site.url, page => {
  page.elsewhere.push(...hosts.map(host => host.url));
  return work(page);
}, options);

const chosen = page => page.tab.$eval(id('model-select'), select => select.value);
const inUse = (page, name, timeout = 60_000) =>
  page.tab.waitForFunction((select, name) => document.querySelector(select).value === name, { timeout }, id('model-select'), name);

async function download(page) {
  await page.tab.select(id('model-select'), 'away');
  await page.click(id('offer-yes'));
}

const copies = page => page.text(id('copies'));

let browser;
let one;
let two;
before(async () => {
  browser = await chromium([], { acceptInsecureCerts: true });
  [one, two] = [await host(), await host()];
});
after(async () => {
  await browser?.close();
  one?.close();
  two?.close();
});

/** Sets both hosts right again, then as a test wants the first. */
function behave(first = {}, second = {}) {
  for (const [host, wanted] of [[one, first], [two, second]]) {
    Object.assign(host.behave, { bytes: tiny, cors: true, range: true, length: true, rate: undefined, status: undefined, cut: [] }, wanted);
    host.asked.length = 0;
  }
}

describe('a download of the real size', () => {
  it('is asked for, shows how it goes on, survives cuts, is kept, and needs no network the next time', async () => {
    const file = path.join(SCRATCH, 'real.safetensors');
    execFileSync('cargo', ['run', '--quiet', '--example', 'golden_weights', '--', '--dtype', 'f32', '--out', file], { cwd: ROOT });
    const bytes = fs.readFileSync(file);
    assert.equal(bytes.length, 102_469_840, 'the size of torchvision’s file');
    // Slow at first, cut in the middle, then from where it was cut, without a length, cut again, and to the end.
    behave({ bytes, rate: 30e6, length: false, cut: [40_000_000, 80_000_000] });
    const site = await siteOf([one], { size: bytes.length, sha256: sha256(bytes), classes: 1000, labels: 'weights/imagenet/labels.json' });
    try {
      await visit(browser, site, [one], async page => {
        const before = await page.engine.get('memory');
        await page.tab.select(id('model-select'), 'away');
        await page.tab.waitForSelector(id('offer'));
        assert.match(await page.text(id('offer')), /102 MB.*127\.0\.0\.1/);
        assert.equal(one.asked.length, 0, 'asked before the visitor agreed');
        await page.click(id('offer-yes'));
        const words = await page.tab.waitForFunction(share => /of 102\.\d MB · [\d.]+ MB\/s, \d+ s left/.exec(document.querySelector(share)?.textContent)?.[0], { timeout: 30_000 }, '.status-transfer');
        console.log(await words.jsonValue());
        // The model of before is in use meanwhile.
        await page.look(photo);
        assert.equal((await page.ranking()).length, 5);
        await inUse(page, 'away', 120_000);
        assert.deepEqual(one.asked.map(({ from }) => from > 0), [false, true, true]);
        assert.ok(one.asked[1].from > 30e6 && one.asked[2].from > 70e6, JSON.stringify(one.asked));
        await page.reach('done');
        assert.match(await page.text(id('architecture')), /ResNet-50 · 1000 classes/);

        // A tensor of 9.4 MB at a time, not the file: what else grows is the photo's.
        const grown = await page.engine.get('memory') - before;
        console.log(`the engine's own memory grew by ${grown} bytes for a file of ${bytes.length}`);
        assert.ok(grown < 1.3 * 512 * 512 * 9 * 4 + (6 << 20), `${grown} bytes`);

        assert.match(await copies(page), /Kept in this browser.*Away, 102\.5 MB/);
        const ranking = await page.ranking();
        one.asked.length = 0;
        await page.tab.reload();
        await page.reach('ready');
        assert.equal(await chosen(page), 'away', 'the model of the last visit');
        await page.look(photo);
        assert.deepEqual(await page.ranking(), ranking);
        assert.equal(one.asked.length, 0, 'downloaded again');

        await page.click(`${id('copies')} button`);
        await page.tab.waitForFunction(copies => document.querySelector(copies).textContent === '', {}, id('copies'));
        await page.tab.reload();
        await page.reach('ready');
        assert.equal(await chosen(page), 'tiny');
        await page.tab.select(id('model-select'), 'away');
        await page.tab.waitForSelector(id('offer'));
      }, {
        before: inEngine(),
      });
    } finally {
      await site.close();
    }
  });
});

describe('hosts as they are', () => {
  const fromTwo = async (first, second, check) => {
    behave(first, second);
    const site = await siteOf([one, two]);
    try {
      await visit(browser, site, [one, two], async page => {
        await download(page);
        await check(page);
      });
    } finally {
      await site.close();
    }
  };
  const altered = Buffer.from(tiny);
  altered[altered.length - 1] ^= 1;
  const arrives = count => async page => {
    await inUse(page, 'away');
    assert.equal(one.asked.length > 0 && two.asked.length, count);
    await page.look(photo);
    assert.equal(await page.state(), 'done');
  };

  it('one without CORS: the next is asked', () => fromTwo({ cors: false }, {}, arrives(1)));
  it('one that fails: the next is asked', () => fromTwo({ status: 503 }, {}, arrives(1)));
  it('one with another file of that size: the next is asked', () => fromTwo({ bytes: altered }, {}, arrives(1)));
  it('one that cannot begin in the middle: what came is passed over', () => fromTwo({ range: false, length: false, cut: [100_000, 300_000] }, {}, async page => {
    await arrives(0)(page);
    assert.equal(one.asked.length, 3);
  }));

  it('an altered file on all of them is no model, and nothing of it is kept', () => fromTwo({ bytes: altered }, { bytes: altered }, async page => {
    await page.reach('error');
    assert.match(await page.error(), /checksum differs/);
    assert.equal(await chosen(page), 'tiny');
    assert.equal(await copies(page), '');
    assert.equal(await page.tab.evaluate(async () => (await (await caches.open('gradlens-weights')).keys()).length), 0);
    await page.look(photo);
    assert.equal(await page.state(), 'done');
  }));

  it('a file cut for good is no model; “Try again” gets it once it is whole', () => fromTwo({ bytes: tiny.subarray(0, 200_000), length: false }, { status: 404 }, async page => {
    await page.reach('error');
    assert.match(await page.error(), /could not be fetched/);
    assert.equal(await chosen(page), 'tiny');
    assert.equal(await copies(page), '');
    behave();
    await page.click(id('retry'));
    await inUse(page, 'away');
  }));

  it('a download that is called off leaves the page as it was', () => fromTwo({ rate: 100e3 }, {}, async page => {
    await page.tab.waitForFunction(share => document.querySelector(share).textContent, {}, '.status-transfer');
    await page.click(id('cancel'));
    await page.reach('ready');
    assert.equal(await chosen(page), 'tiny');
    assert.equal(await copies(page), '');
    await page.look(photo);
    assert.equal(await page.state(), 'done');
    assert.equal(two.asked.length, 0);
  }));
});

describe('hosts that redirect, under their own names', () => {
  // Whatever is asked of another host goes through a proxy, which hands it to one server on this computer. So names and ports are the
  // real ones, and the page's policy is the shipped one. (Browsers ask hosts of their makers, too: those are not reached.)
  let proxy;
  let server;
  let named;
  let redirect;
  const asked = [];
  before(async () => {
    server = https.createServer(certificate(), ({ method, url, headers }, response) => {
      const address = `https://${headers.host}${url}`;
      asked.push(address);
      // Hugging Face answers so to pages of some hosts. No access-control-allow-origin either: the browser then speaks of CORS.
      if (headers.referer || headers.cookie || method !== 'GET') return response.writeHead(404).end();
      const open = { 'access-control-allow-origin': '*', 'cache-control': 'no-store' };
      if (address === redirect.from) return response.writeHead(302, { ...open, location: redirect.to }).end();
      response.writeHead(200, { ...open, 'content-type': 'application/octet-stream', 'content-length': tiny.length }).end(tiny);
    });
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    proxy = http.createServer((request, response) => response.writeHead(404).end());
    proxy.on('connect', (request, socket, head) => {
      if (![redirect?.from, redirect?.to].some(address => address && request.url === `${new URL(address).host}:443`)) return socket.destroy();
      const to = net.connect(server.address().port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        to.write(head);
        socket.pipe(to).pipe(socket);
      });
      to.on('error', () => socket.destroy());
      socket.on('error', () => to.destroy());
    });
    await new Promise(resolve => proxy.listen(0, '127.0.0.1', resolve));
    named = await chromium([`--proxy-server=127.0.0.1:${proxy.address().port}`], { acceptInsecureCerts: true });
  });
  after(async () => {
    await named?.close();
    for (const part of [proxy, server]) {
      part?.closeAllConnections();
      part?.close();
    }
  });

  const follow = async (from, to, work) => {
    redirect = { from, to };
    asked.length = 0;
    const site = await siteOf([], { urls: [from] });
    await visit(named, site, [{ url: from }, { url: to }], async page => {
      await download(page);
      await work(page);
    }).finally(site.close);
  };
  const HUGGING_FACE = 'https://huggingface.co/timm/resnet50.tv_in1k/resolve/main/model.safetensors';
  const MODELSCOPE = 'https://modelscope.cn/models/timm/resnet50.tv_in1k/resolve/master/model.safetensors';
  for (const [from, to] of [
    [HUGGING_FACE, 'https://us.aws.cdn.hf.co/xet-bridge-us/0/1?X-Amz-Signature=2&response-content-type=x'],
    [HUGGING_FACE, 'https://cas-bridge.xethub.hf.co/xet-bridge-us/0/1?X-Amz-Signature=2'],
    [MODELSCOPE, 'https://cdn-lfs-cn-1.modelscope.cn/prod/lfs-objects/5d/06/1a?auth_key=0'],
    [MODELSCOPE, 'https://www.modelscope.cn/models/timm/resnet50.tv_in1k/resolve/master/model.safetensors'],
  ]) {
    it(`${new URL(from).host} to ${new URL(to).host}: followed, without a referrer`, () => follow(from, to, async page => {
      await inUse(page, 'away');
      assert.deepEqual(asked, [from, to]);
      await page.look(photo);
      assert.equal(await page.state(), 'done');
    }));
  }

  it('to any other host: the policy keeps the page from it', () => follow(HUGGING_FACE, 'https://us.aws.cdn.hf.co.example.net/model', async page => {
    await page.reach('error');
    assert.deepEqual(asked, [HUGGING_FACE]);
    assert.equal(await chosen(page), 'tiny');
    page.complaints.splice(0); // that the policy was broken is what was wanted
  }));
});

describe('copies in the browser', () => {
  it('a damaged copy is thrown away, and the host is asked again', async () => {
    behave();
    const site = await siteOf([one]);
    await visit(browser, site, [one], async page => {
      await download(page);
      await inUse(page, 'away');
      assert.match(await copies(page), /Away, 2\.1 MB/);
      await page.tab.evaluate(async () => {
        const cache = await caches.open('gradlens-weights');
        const [key] = await cache.keys();
        const bytes = new Uint8Array(await (await cache.match(key)).arrayBuffer());
        bytes[bytes.length - 5] ^= 4;
        await cache.put(key, new Response(bytes, { headers: { 'content-length': String(bytes.length) } }));
      });
      await page.tab.reload();
      await page.reach('ready');
      await page.tab.waitForSelector(id('offer'));
      assert.equal(await copies(page), '');
      await page.click(id('offer-yes'));
      await inUse(page, 'away');
      assert.equal(one.asked.length, 2);
    }).finally(site.close);
  });

  it('without room the model goes on in memory, and the page says so', notInFirefox('its protocol sets no quota'), async () => {
    behave();
    const site = await siteOf([one]);
    await visit(browser, site, [one], async page => {
      const protocol = await page.tab.createCDPSession();
      await protocol.send('Storage.overrideQuotaForOrigin', { origin: new URL(site.url).origin, quotaSize: 100_000 });
      await download(page);
      await inUse(page, 'away');
      assert.match(await page.text(id('not-kept')), /no room/);
      await page.look(photo);
      assert.equal(await page.state(), 'done');
      await page.click(id('language'));
      assert.match(await page.text(id('not-kept')), /没有空间/);
    }).finally(site.close);
  });

  it('where storage is denied likewise', async () => {
    behave();
    const site = await siteOf([one]);
    await visit(browser, site, [one], async page => {
      await download(page);
      await inUse(page, 'away');
      assert.match(await page.text(id('not-kept')), /keeps none/);
    }, {
      before: inEngine(() => { CacheStorage.prototype.open = () => Promise.reject(new DOMException('denied', 'SecurityError')); }),
    }).finally(site.close);
  });

  it('a file that nobody has vouched for says so, and is kept as it came first', async () => {
    behave();
    const site = await siteOf([one], { sha256: undefined, size: 400_000 });
    await visit(browser, site, [one], async page => {
      await page.tab.select(id('model-select'), 'away');
      await page.tab.waitForSelector(id('offer'));
      assert.match(await page.text(id('offer')), /Not verified/);
      await page.click(id('offer-yes'));
      await inUse(page, 'away');
      assert.match(await page.text('.card.model-card'), /Not verified.*Away/s);
      await page.tab.reload();
      await page.reach('ready');
      assert.equal(await chosen(page), 'away');
      assert.equal(one.asked.length, 1);
    }).finally(site.close);
  });

  it('Firefox keeps one, too', async () => {
    behave();
    const other = await firefox({ acceptInsecureCerts: true });
    const site = await siteOf([one]);
    try {
      await visit(other, site, [one], async page => {
        await download(page);
        await inUse(page, 'away');
        assert.match(await copies(page), /Away, 2\.1 MB/);
        await page.tab.reload();
        await page.reach('ready');
        assert.equal(await chosen(page), 'away');
        assert.equal(one.asked.length, 1);
        await page.click(`${id('copies')} button`);
        await page.tab.waitForFunction(copies => document.querySelector(copies).textContent === '', {}, id('copies'));
      });
    } finally {
      await site.close();
      await other.close();
    }
  });
});

describe('a site’s own files', () => {
  it('in parts, for hosts that limit the size of files', async () => {
    const part = 100_000;
    const parts = Object.fromEntries(Array.from({ length: Math.ceil(tiny.length / part) }, (_, n) =>
      [`weights/away.safetensors.part${n}`, tiny.subarray(n * part, (n + 1) * part)]));
    assert.ok(Object.keys(parts).length > 2);
    const site = await siteOf([], { part_size: part, urls: [] }, parts);
    await visit(browser, site, [], async page => {
      await page.tab.select(id('model-select'), 'away');
      await inUse(page, 'away');
      await page.look(photo);
      assert.equal(await page.state(), 'done');
    }).finally(site.close);
  });

  it('a visitor’s own file: mean, deviation and sides can be set, and nonsense is not taken', async () => {
    const site = await siteOf([]);
    await visit(browser, site, [], async page => {
      assert.equal(await page.tab.$(id('inputs')), null, 'only for own files');
      await page.look(photo);
      await page.upload('weights-input', scratch('mine.safetensors', tiny));
      await inUse(page, 'own');
      await page.reach('done');
      const results = async () => (await page.ranking()).map(row => row.probability);
      const first = await results();
      await page.click(`${id('inputs')} summary`);
      const set = async (name, value) => {
        await page.tab.$eval(id(name), (input, value) => {
          input.value = value;
          input.dispatchEvent(new Event('change', { bubbles: true }));
        }, value);
        await page.explained();
      };
      assert.equal(await page.tab.$eval(id('mean-0'), input => input.value), '0.485');
      await set('mean-0', '0.1');
      const moved = await results();
      assert.notDeepEqual(moved, first);
      for (const [name, value] of [['std-1', '0'], ['std-1', ''], ['crop', '7'], ['resize', '1e9'], ['mean-2', 'red']]) await set(name, value);
      assert.equal(await page.state(), 'done');
      assert.deepEqual(await results(), moved);
      await page.select('fit-select', 'crop');
      const crop = await page.tab.$eval('[data-testid="overlay-canvas"]', canvas => canvas.width);
      await set('crop', '96');
      assert.equal(await page.state(), 'done');
      assert.ok(crop > 0);
      await page.click(id('imagenet-inputs'));
      await page.explained();
      await page.select('fit-select', 'whole');
      assert.deepEqual(await results(), first);
    }).finally(site.close);
  });
});
