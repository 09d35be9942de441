// A class pack: a folder of photos, what is expected of them by the folders' names, filters, and what leaves the page.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import zlib from 'node:zlib';
import { photoPng } from './tiny.mjs';
import { ROOT, SCRATCH, chromium, difference, id, inEngine, keepDownloads, notInFirefox, scratch, serve, tinyModels, visitPage } from './support.mjs';

let browser, site;
before(async () => {
  browser = await chromium();
  site = await serve();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const visit = (work, options = {}) => visitPage(browser, site.url, async page => {
  await page.tab.waitForSelector(id('pack'));
  await work(page);
}, { shaders: false, path: '#model=efficientnet-lite0&teach=pack', before: keepDownloads, ...options });

/** A folder of samples: a dog, a dog with a cat, a cat, a castle that is taken for a dam, a giraffe, for which there is no class, a torn file, and what is no photo. */
const sample = name => fs.readFileSync(path.join(ROOT, 'weights/samples', `${name}.jpg`));
const FOLDER = {
  'dogs/dog.jpg': sample('dog'), 'dogs/=1+1.jpg': sample('dog-cat'), 'cats/chelsea.jpg': sample('chelsea'),
  'castle/castle.jpg': sample('castle'), 'giraffes/giraffe.jpg': sample('giraffe'), 'dogs/torn.jpg': sample('bee').subarray(0, 100),
  'dogs/.DS_Store': Buffer.from('x'), 'notes.txt': Buffer.from('x'),
};

/**
 * Chooses a folder, in both browsers: its files come by a list that a script made, and their paths beside it, as the browser says them of a
 * folder that somebody chose.
 */
const choose = (page, files, input = 'pack-folder-input') => page.tab.evaluate((input, files) => {
  const paths = new Map();
  const transfer = new DataTransfer();
  for (const [path, base64] of files) {
    const name = path.split('/').at(-1);
    paths.set(name, path);
    transfer.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name));
  }
  Object.defineProperty(File.prototype, 'webkitRelativePath', { configurable: true, get() { return paths.get(this.name); } });
  const chooser = document.querySelector(input);
  chooser.files = transfer.files;
  chooser.dispatchEvent(new Event('change', { bubbles: true }));
}, id(input), Object.entries(files).map(([path, bytes]) => [`class/${path}`, bytes.toString('base64')]));

const finished = page => page.tab.waitForFunction(progress => document.querySelector(progress)?.dataset.running === 'false' && document.querySelector('.pack-tile'), { timeout: 120_000 }, id('pack-progress'));
/** The tiles on show: { path, text, probability }. */
const tiles = page => page.tab.$$eval('.pack-tile', all => all.filter(tile => tile.checkVisibility()).map(tile => ({
  path: tile.dataset.path, text: tile.textContent, probability: Number(tile.querySelector('button')?.dataset.probability),
})));
const paths = async page => (await tiles(page)).map(tile => tile.path);
const named = (list, path) => list.find(tile => tile.path === path);

/** A CSV's rows of cells: every cell is quoted. */
const rows = bytes => {
  const text = bytes.toString('utf8');
  assert.ok(text.startsWith('\ufeff"'), 'Excel knows by this mark that it is UTF-8');
  return text.slice(1).trimEnd().split('\r\n').map(row => [...row.matchAll(/"((?:[^"]|"")*)"/g)].map(([, cell]) => cell.replaceAll('""', '"')));
};

/** A ZIP's entries, by its directory, each one's CRC-32 checked. */
function entries(bytes) {
  const end = bytes.length - 22;
  assert.equal(bytes.readUInt32LE(end), 0x06054b50);
  const found = new Map();
  for (let n = bytes.readUInt16LE(end + 10), at = bytes.readUInt32LE(end + 16); n > 0; n--) {
    const [crc, size, length, offset] = [bytes.readUInt32LE(at + 16), bytes.readUInt32LE(at + 24), bytes.readUInt16LE(at + 28), bytes.readUInt32LE(at + 42)];
    const name = bytes.toString('utf8', at + 46, at + 46 + length);
    const start = offset + 30 + bytes.readUInt16LE(offset + 26);
    const content = bytes.subarray(start, start + size);
    assert.equal(zlib.crc32(content), crc, name);
    assert.ok(!found.has(name), name);
    found.set(name, content);
    at += 46 + length;
  }
  return found;
}

describe('a folder', () => {
  it('becomes tiles with what is seen and what was expected; filters; a click opens a photo', () => visit(async page => {
    await choose(page, FOLDER);
    await finished(page);
    assert.equal(await page.text(id('pack-progress')), '6 of 6 photos');
    assert.match(await page.text(id('pack-left-out')), /^2 files were left out/);
    const all = await tiles(page);
    assert.equal(all.length, 6);
    const dog = named(all, 'class/dogs/dog.jpg');
    assert.match(dog.text, /✓ expected: dogs/);
    assert.ok(dog.probability > 0.3 && dog.probability <= 1);
    assert.match(named(all, 'class/cats/chelsea.jpg').text, /Egyptian cat|tabby|tiger cat/);
    assert.match(named(all, 'class/castle/castle.jpg').text, /^dam.*✗ expected: castle/);
    assert.ok(!/expected/.test(named(all, 'class/giraffes/giraffe.jpg').text), 'its folder names no class');
    assert.match(named(all, 'class/dogs/torn.jpg').text, /cut short|damaged|not a photo|JPEG/i);
    assert.equal(await page.text(id('pack-score')), '2 of 4 as expected');
    const shown = await page.tab.$$eval('.pack-tile img', async all => {
      await Promise.all(all.map(image => { image.loading = 'eager'; return image.decode(); }));
      return all.map(image => Math.max(image.naturalWidth, image.naturalHeight));
    });
    assert.deepEqual(shown, [400, 400, 400, 400, 400], 'small ones are kept');

    // The castle is a dam, but not surely so.
    assert.equal(await page.text(`.pack-filters .check`), 'Wrong and confident (at least 70 %): 0');
    await page.tab.select(id('pack-filter'), 'expected:dogs');
    assert.deepEqual(await paths(page), ['class/dogs/=1+1.jpg', 'class/dogs/dog.jpg', 'class/dogs/torn.jpg']);
    const options = await page.tab.$$eval(`${id('pack-filter')} option`, all => all.map(one => [one.value, one.textContent]));
    const [dam] = options.find(([, name]) => name === 'dam (1)');
    await page.tab.select(id('pack-filter'), dam);
    assert.deepEqual(await paths(page), ['class/castle/castle.jpg']);
    await page.tab.select(id('pack-filter'), '');

    // By hand, for all: now all but the dog are wrong, some of them surely.
    await page.tab.type(id('pack-expected'), 'dog');
    assert.match(await page.text(id('pack-means')), /^118 classes: Chihuahua, /);
    assert.equal(await page.text(id('pack-score')), '1 of 5 as expected');
    const unsure = (await tiles(page)).filter(tile => !/dogs/.test(tile.path) && tile.probability >= 0.7).map(tile => tile.path);
    await page.tab.click(id('pack-only-wrong'));
    assert.deepEqual(await paths(page), unsure);
    assert.equal(await page.text(`.pack-filters .check`), `Wrong and confident (at least 70 %): ${unsure.length}`);
    await page.tab.click(id('pack-only-wrong'));
    await page.tab.$eval(id('pack-expected'), field => { field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true })); });
    assert.equal(await page.text(id('pack-score')), '2 of 4 as expected');

    // The photo itself, at its own size, as if it had been chosen alone.
    const castle = named(await tiles(page), 'class/castle/castle.jpg');
    await page.click('.pack-tile[data-path="class/castle/castle.jpg"] button');
    await page.reach('done');
    const [best] = await page.ranking();
    assert.equal(best.name, 'dam');
    assert.ok(Math.abs(best.probability - castle.probability) < 1e-4);
  }));

  it('leaves the page as a table and as an archive, in both languages', () => visit(async page => {
    await choose(page, FOLDER);
    await finished(page);
    const table = await page.saved(() => page.click(id('pack-save-table')));
    assert.equal(table.name, 'gradlens.csv');
    const [head, ...lines] = rows(table.bytes);
    assert.deepEqual(head.slice(0, 5), ['file', 'expected', 'as expected', 'class 1', 'probability 1']);
    assert.equal(lines.length, 6);
    assert.ok(lines.every(row => row.length === head.length));
    const castle = lines.find(row => row[0] === 'class/castle/castle.jpg');
    assert.deepEqual(castle.slice(1, 4), ['castle', 'no', 'dam']);
    const cell = (row, name) => row[head.indexOf(name)];
    const numbers = ['probability 1', 'probability 2', 'probability 3', 'peak x', 'peak y', 'width', 'height'].map(name => Number(cell(castle, name)));
    assert.ok(numbers[0] >= numbers[1] && numbers[1] >= numbers[2] && numbers[2] > 0);
    assert.ok(numbers[3] > 0 && numbers[3] < numbers[5] && numbers[4] > 0 && numbers[4] < numbers[6], `${numbers}`);
    assert.deepEqual([cell(castle, 'layer'), cell(castle, 'method')], ['head', 'Grad-CAM']);
    const torn = lines.find(row => row[0] === 'class/dogs/torn.jpg');
    assert.ok(cell(torn, 'problem').length > 10 && cell(torn, 'class 1') === '');

    // A pupil's file name is no formula of the teacher's, neither here nor where a path begins with it.
    await page.click(id('pack-clear'));
    await page.tab.waitForFunction(() => !document.querySelector('.pack-tile'));
    await page.upload('pack-input', scratch('=1+1.png', photoPng(40, 30)), scratch('@x.png', photoPng(40, 31)));
    await finished(page);
    assert.deepEqual(rows((await page.saved(() => page.click(id('pack-save-table')))).bytes).slice(1).map(row => row[0]), ["'=1+1.png", "'@x.png"]);

    await page.click(id('language'));
    await page.click(id('pack-clear'));
    await page.tab.waitForFunction(() => !document.querySelector('.pack-tile'));
    // Twice the same photo.
    await choose(page, FOLDER);
    await finished(page);
    await choose(page, { 'dogs/dog.jpg': FOLDER['dogs/dog.jpg'] });
    await finished(page);
    const archive = await page.saved(() => page.click(id('pack-save-all')));
    assert.equal(archive.name, 'gradlens.zip');
    const files = entries(archive.bytes);
    assert.deepEqual([...files.keys()].sort(), [
      'class/castle/castle.jpg.png', 'class/cats/chelsea.jpg.png', 'class/dogs/=1+1.jpg.png', 'class/dogs/dog.jpg (2).png',
      'class/dogs/dog.jpg.png', 'class/giraffes/giraffe.jpg.png', 'gradlens.csv',
    ]);
    assert.equal(files.get('class/castle/castle.jpg.png').toString('latin1', 1, 4), 'PNG');
    const chinese = rows(files.get('gradlens.csv'));
    assert.deepEqual(chinese[0].slice(0, 4), ['文件', '预期类别', '与预期一致', '类别 1']);
    assert.equal(chinese.length, 8);
    assert.match(chinese.find(row => row[0].includes('torn')).at(-1), /[\u4e00-\u9fff]{4}/);
    assert.match(chinese.find(row => row[0].includes('castle'))[3], /坝/);
  }));

  it('is what the browser’s own dialogue hands over', notInFirefox('its protocol hands over no folders'), () => visit(async page => {
    for (const name of ['dogs', 'cats']) fs.mkdirSync(path.join(SCRATCH, 'class', name), { recursive: true });
    scratch('class/dogs/dog.jpg', FOLDER['dogs/dog.jpg']);
    scratch('class/cats/chelsea.jpg', FOLDER['cats/chelsea.jpg']);
    scratch('class/notes.txt', 'x');
    await page.upload('pack-folder-input', path.join(SCRATCH, 'class'));
    await finished(page);
    assert.deepEqual(await paths(page), ['class/cats/chelsea.jpg', 'class/dogs/dog.jpg']);
    assert.equal(await page.text(id('pack-score')), '2 of 2 as expected');
  }));

  it('is what a dropped folder gives, with the folders in it; several photos, too', () => visit(async page => {
    const drop = (files, folder) => page.tab.evaluate((files, folder) => {
      const blobs = files.map(([path, base64]) => [path, new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], path.split('/').at(-1))]);
      const transfer = new DataTransfer();
      blobs.forEach(([, file]) => transfer.items.add(file));
      if (folder) {
        // What a browser hands over for a folder, which no script can make: entries, a hundred at most at a time and then none.
        const entry = (fullPath, file) => ({ fullPath, isDirectory: false, isFile: true, file: done => done(file) });
        const directory = (fullPath, children) => ({
          fullPath, isDirectory: true, isFile: false,
          createReader: () => { const parts = [children.slice(0, 1), children.slice(1), []]; return { readEntries: done => done(parts.shift() ?? []) }; },
        });
        const folders = Map.groupBy(blobs, ([path]) => path.split('/')[0]);
        const root = directory('/class', [...folders].map(([name, all]) => directory(`/class/${name}`, all.map(([path, file]) => entry(`/class/${path}`, file)))));
        const roots = [root];
        DataTransferItem.prototype.webkitGetAsEntry = () => roots.pop() ?? null;
      }
      const event = new DragEvent('drop', { bubbles: true, cancelable: true });
      Object.defineProperty(event, 'dataTransfer', { value: transfer });
      document.querySelector('footer').dispatchEvent(event);
    }, files.map(([path, bytes]) => [path, bytes.toString('base64')]), folder);
    await drop([['one.png', photoPng(60, 40)], ['two.png', photoPng(40, 60)]], false);
    await finished(page);
    assert.deepEqual(await paths(page), ['one.png', 'two.png']);
    assert.equal(await page.state(), 'ready', 'none of them is on show');
    await page.click(id('pack-clear'));
    const { 'dogs/dog.jpg': dog, 'cats/chelsea.jpg': cat } = FOLDER;
    await drop([['dogs/dog.jpg', dog], ['dogs/again.jpg', dog], ['cats/chelsea.jpg', cat]], true);
    await finished(page);
    assert.deepEqual(await paths(page), ['class/cats/chelsea.jpg', 'class/dogs/again.jpg', 'class/dogs/dog.jpg']);
    assert.equal(await page.text(id('pack-score')), '3 of 3 as expected');
  }));
});

const many = count => Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${String(n).padStart(3, '0')}.png`, photoPng(64, 48 + n % 8)]));

describe('many photos', () => {
  it('can be stopped, gone on with and explained again by other settings; what is on show goes on meanwhile', () => visit(async page => {
    await page.look(scratch('shown.png', photoPng(120, 80)));
    const shown = await page.pixels();
    const [first, second] = await page.ranking();
    await choose(page, many(150));
    await page.tab.waitForFunction(() => document.querySelectorAll('.pack-tile img').length > 2, { timeout: 60_000 });
    // Clicks come first, and are about the photo on show.
    await page.pick(second.class);
    assert.ok(difference(await page.pixels(), shown) > 0.1);
    await page.pick(first.class);
    assert.deepEqual(await page.pixels(), shown);
    await page.click(id('pack-stop'));
    await page.painted();
    const done = await page.tab.$$eval('.pack-tile img', all => all.length);
    assert.ok(done < 150, 'it was stopped');
    await page.tab.evaluate(() => new Promise(resolve => setTimeout(resolve, 500)));
    assert.ok(await page.tab.$$eval('.pack-tile img', all => all.length) <= done + 1);
    await page.click(id('pack-go-on'));
    await finished(page);
    assert.equal(await page.text(id('pack-progress')), '150 of 150 photos');
    assert.deepEqual(await page.pixels(), shown);

    const before = rows((await page.saved(() => page.click(id('pack-save-table')))).bytes);
    await page.select('method-select', 'layer-cam');
    await page.click(id('pack-again'));
    await finished(page);
    const after = rows((await page.saved(() => page.click(id('pack-save-table')))).bytes);
    const method = before[0].indexOf('method');
    assert.deepEqual([before[1][method], after[1][method]], ['Grad-CAM', 'LayerCAM']);
    assert.deepEqual(before.map(row => row[3]), after.map(row => row[3]));

    // Another network's classes have other numbers: nothing of the former is shown under its names.
    await page.tab.select(id('model-select'), 'emoji50');
    await page.tab.waitForFunction(select => /ResNet/.test(document.querySelector(select)?.textContent), { timeout: 60_000 }, id('architecture'));
    await page.reach('done');
    assert.equal(await page.text(id('pack-progress')), '0 of 150 photos');
    await page.click(id('pack-go-on'));
    await page.tab.waitForFunction(() => document.querySelectorAll('.pack-tile img').length > 2, { timeout: 60_000 });
    await page.click(id('pack-stop'));
    await page.painted();
    const other = rows((await page.saved(() => page.click(id('pack-save-table')))).bytes);
    assert.match(other[1][before[0].indexOf('model')], /ResNet/);
  }));
});

it('a device that is lost meanwhile: a sentence, and after “Try again” the rest is explained', async () => {
  const tiny = await serve(tinyModels());
  try {
    await visitPage(browser, tiny.url, async page => {
      await page.look(scratch('shown.png', photoPng(120, 80)));
      await choose(page, many(60));
      await page.tab.waitForFunction(() => document.querySelectorAll('.pack-tile img').length > 2, { timeout: 60_000 });
      await page.engine.call('loseDevices');
      await page.reach('error');
      assert.match(await page.error(), /lost/);
      const done = await page.tab.$$eval('.pack-tile img', all => all.length);
      assert.ok(done < 60, `${done} were done before`);
      await page.click(id('retry'));
      await page.reach('done');
      await page.click(id('pack-go-on'));
      await finished(page);
      assert.equal(await page.text(id('pack-progress')), '60 of 60 photos');
      assert.equal(await page.tab.$$eval('.pack-tile img', all => all.length), 60, 'none of them is said to be at fault');
    }, { path: '#teach=pack', before: inEngine() });
  } finally {
    await tiny.close();
  }
});

it('can be read by everybody, on a phone too, in the dark too', () => visit(async page => {
  for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(`empty, ${theme}`);
  await choose(page, FOLDER);
  await finished(page);
  for (const language of ['en', 'zh']) {
    for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(`${language}, ${theme}`);
    assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.click(id('language'));
  }
}, { viewport: { width: 390, height: 844 } }));
