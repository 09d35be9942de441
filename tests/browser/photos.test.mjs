// Photos that nobody should have to be afraid of, in Chromium: strips, bombs, formats that only some browsers know, wrong names.
// tests/photo.rs holds the decoders against Pillow, page.test.mjs the plainer mistakes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT, chromium, difference, firefox, id, inEngine, open, scratch, serve, tinyModels, visitPage } from './support.mjs';
import { apng, photoPng, photoRows, png, tinyResnet } from './tiny.mjs';

const folder = path.join(ROOT, 'tests/fixtures');
const fixture = name => fs.readFileSync(path.join(folder, name));
const photo = scratch('photo.png', photoPng(120, 80));

/** A fixture with some bytes changed at `at`, or at `after` the place where `tag` is found. */
function patched(name, { at = 0, tag, after = 0 }, bytes) {
  const file = fixture(name);
  file.set(bytes, tag ? file.indexOf(tag) + after : at);
  return file;
}

/** One colour: `height` rows of `width`, a few bytes for each. */
const plain = (width, height) => png(width, height, Buffer.alloc(height * (1 + 3 * width)));

let browser;
let site;
before(async () => {
  browser = await chromium();
  site = await serve(tinyModels());
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const visit = (work, options) => visitPage(browser, site.url, work, options);

/** Bytes of the program's memory. */
const memory = page => page.tab.evaluate(async () => {
  const { default: init } = await import(new URL(document.querySelector('script[data-wasm]').dataset.js, document.baseURI));
  return (await init()).memory.buffer.byteLength;
});

async function refused(page, name, bytes, english, chinese) {
  await page.look(scratch(name, bytes));
  assert.equal(await page.state(), 'error', name);
  assert.match(await page.error(), english, name);
  await page.click(id('language'));
  assert.match(await page.error(), chinese, name);
  await page.click(id('language'));
}

describe('photos', () => {
  it('that would unpack to more than 100 megapixels are refused by their headers, and cost no memory', () => visit(async page => {
    await page.look(photo);
    const before = await memory(page);
    assert.ok(before > 1 << 20);
    const bombs = [
      ['bomb.gif', patched('photos/still.gif', { at: 6 }, [255, 255, 255, 255]), 65535],
      ['bomb.bmp', patched('photos/rgb.bmp', { at: 18 }, [0x30, 0x75, 0, 0, 0x30, 0x75, 0, 0]), 30000],
      ['bomb.webp', patched('photos/lossy_alpha.webp', { at: 24 }, [0xfe, 0x3f, 0, 0xfe, 0x3f, 0]), 16383],
      ['bomb.avif', patched('foreign/picture.avif', { tag: 'ispe', after: 8 }, [0, 1, 0, 0, 0, 1, 0, 0]), 65536],
      ['bomb.jpg', patched('photos/full.jpg', { tag: Buffer.from([0xff, 0xc0]), after: 5 }, [0xff, 0xdc, 0xff, 0xdc]), 65500],
      ['bomb.png', png(10_000, 10_001, Buffer.alloc(30_001)), 10000],
    ];
    for (const [name, bytes, width] of bombs) {
      await refused(page, name, bytes, new RegExp(`${width}×\\d+ pixels; at most 100 million`), /最多只能读取 1 亿像素/);
    }
    assert.equal(await memory(page), before, 'memory for a photo that is not read');
    await page.look(photo);
    assert.equal(await page.state(), 'done');
  }));

  it('of 100 megapixels are read, and strips get advice that helps', () => visit(async page => {
    for (const [width, height] of [[30_000, 1], [1, 30_000]]) {
      await refused(page, 'strip.png', plain(width, height), new RegExp(`${width}×${height} pixels: one side is more than 100 times`), /超过另一边的 100 倍/);
      await page.select('fit-select', 'crop');
      assert.match(await page.error(), /more than 100 times/);
      await page.select('fit-select', 'whole');
    }
    const file = scratch('large.png', plain(10_000, 10_000));
    await page.upload('photo-input', file);
    await page.tab.waitForFunction(canvas => document.querySelector(canvas).width === 1536, { timeout: 120_000 }, id('overlay-canvas'));
    await page.reach('done');
    console.log(`100 megapixels took ${(await memory(page)) >> 20} MB of memory`);
  }));

  it('of formats that only some browsers know are theirs to read, or named', async () => {
    await visit(async page => {
      const heic = Buffer.alloc(2000);
      heic.write('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
      await refused(page, 'IMG_0001.HEIC', heic, /HEIC photo; export it as JPEG \(on an iPhone/, /HEIC 照片.*兼容性最佳/);
      await page.upload('photo-input', path.join(folder, 'foreign/picture.avif'));
      await page.tab.waitForFunction(canvas => document.querySelector(canvas).width === 24, { timeout: 20_000 }, id('overlay-canvas'));
      const { rgba } = await page.pixels();
      // The pattern of make_photo_fixtures.py; AVIF at quality 100 is off by 3 in libavif.
      for (let at = 0; at < 24 * 16; at++) {
        const [x, y] = [at % 24, Math.floor(at / 24)];
        const expected = [Math.floor(x * 255 / 23), Math.floor(y * 255 / 15), (Math.floor(x / 6) + Math.floor(y / 4)) % 2 * 200 + 20];
        expected.forEach((value, channel) => assert.ok(Math.abs(rgba[4 * at + channel] - value) <= 6, `pixel ${x}, ${y}`));
      }
    });
    // A browser without AVIF.
    await visit(page => refused(page, 'picture.avif', fixture('foreign/picture.avif'), /AVIF picture; save it as/, /AVIF 图片/), {
      before: inEngine(() => { self.createImageBitmap = () => Promise.reject(new DOMException('no', 'InvalidStateError')); }),
    });
  });

  it('of other colours than sRGB are shown with a note, in both languages', () => visit(async page => {
    await page.tab.select(id('fit-select'), 'crop'); // it has fewer pixels than the network needs
    await page.look(path.join(ROOT, 'tests/fixtures/odd/display_p3.jpg'));
    assert.equal(await page.state(), 'done');
    assert.match(await page.text(id('photo-note')), /Display P3.*sRGB/);
    await page.click(id('language'));
    assert.match(await page.text(id('photo-note')), /Display P3.*sRGB.*没有转换/);
    await page.click(id('language'));
    await page.look(photo);
    assert.equal(await page.tab.$(id('photo-note')), null);
  }));

  it('that move show their first frame', () => visit(async page => {
    const rows = photoRows(120, 80);
    const moving = apng(120, 80, rows, Buffer.alloc(rows.length));
    await page.look(photo);
    await page.radio('input[name="view"][value="photo"]');
    const still = await page.pixels();
    // Whole, and cut within the second frame, which leaves the first.
    for (const [name, bytes] of [['moving.png', moving], ['cut.png', moving.subarray(0, moving.indexOf('fdAT') + 10)]]) {
      await page.look(scratch(name, bytes));
      assert.equal(await page.state(), 'done', name);
      assert.equal(difference(await page.pixels(), still), 0, name);
    }
  }));

  it('whose name is another kind’s are known by their bytes', () => visit(async page => {
    for (const [at, name] of ['photo.jpg', 'photo.txt', 'photo', 'photo.svg'].entries()) {
      await page.look(scratch(name, photoPng(90 + at, 110)));
      assert.equal(await page.state(), 'done', name);
      assert.equal((await page.pixels()).width, 90 + at, name);
    }
    await refused(page, 'weights.dat', tinyResnet(), /it is a checkpoint; choose it as weights/, /权重文件/);
  }));

  for (const [name, launch] of [['Chromium', chromium], ['Firefox', firefox]]) {
    it(`in WebP are upright in ${name}, whether or not it follows EXIF itself`, async () => {
      const other = name === 'Chromium' ? browser : await launch();
      const page = await open(other, site.url);
      try {
        await page.reach('ready');
        const seen = {};
        for (const file of ['lossless.webp', 'orientation6.webp']) {
          await page.tab.$eval(id('overlay-canvas'), canvas => { canvas.width = 1; });
          await page.upload('photo-input', path.join(folder, 'photos', file));
          await page.tab.waitForFunction(canvas => document.querySelector(canvas).width > 1, { timeout: 20_000 }, id('overlay-canvas'));
          seen[file] = await page.pixels();
        }
        const [plain, turned] = [seen['lossless.webp'], seen['orientation6.webp']];
        assert.deepEqual([turned.width, turned.height], [plain.height, plain.width]);
        for (let y = 0; y < plain.height; y++) {
          for (let x = 0; x < plain.width; x++) {
            const from = 4 * (y * plain.width + x);
            const to = 4 * (x * turned.width + turned.width - 1 - y);
            for (const channel of [0, 1, 2]) assert.ok(Math.abs(plain.rgba[from + channel] - turned.rgba[to + channel]) <= 4, `${x}, ${y}`);
          }
        }
      } finally {
        await page.close();
        if (other !== browser) await other.close();
      }
    });
  }
});
