// The picture's tools: threshold and contours, reading values, the heatmap in words, larger text, ways out, links.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT, chromium, difference, id, keepDownloads, notInFirefox, open, scratch, serve, tinyModels, visitPage } from './support.mjs';
import { photoPng } from './tiny.mjs';

let browser;
let site;
const photo = scratch('photo.png', photoPng(120, 80));

before(async () => {
  browser = await chromium();
  site = await serve(tinyModels());
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const visit = (work, options) => visitPage(browser, site.url, async page => {
  await page.look(photo);
  await work(page);
}, options);

const set = (page, name, value) => page.tab.$eval(id(name), (slider, value) => {
  slider.value = value;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
}, String(value)).then(() => page.painted());

describe('tools', () => {
  it('hides what is weak and draws contours, without computing', () => visit(async page => {
    const before = await page.elapsed();
    const all = await page.pixels();
    await page.radio('input[name="view"][value="photo"]');
    const plain = await page.pixels();
    await page.radio('input[name="view"][value="overlay"]');
    await set(page, 'threshold', 0.5);
    const strong = await page.pixels();
    let bare = 0;
    for (let at = 0; at < all.rgba.length; at += 4) {
      const same = other => [0, 1, 2].every(channel => strong.rgba[at + channel] === other.rgba[at + channel]);
      assert.ok(same(all) || same(plain), 'a pixel that is neither overlay nor photo');
      bare += same(plain) && !same(all);
    }
    assert.ok(bare > 100 && bare < all.rgba.length / 4 - 100, `${bare} pixels of the photo alone`);
    await set(page, 'threshold', 0);
    await page.tab.$eval(id('contours'), box => box.click());
    await page.painted();
    const lines = await page.pixels();
    const changed = lines.rgba.reduce((count, value, at) => count + (at % 4 === 0 && value !== all.rgba[at]), 0);
    assert.ok(changed > 50 && changed < all.rgba.length / 8, `${changed} pixels of contours`);
    assert.deepEqual(await page.elapsed(), before);
  }));

  it('reads value, cell and receptive field under the pointer and by the arrow keys', () => visit(async page => {
    await page.select('layer-select', 'layer1');
    const hint = await page.text(id('readout'));
    const area = await page.tab.$eval(id('marks'), marks => { const { x, y, width, height } = marks.getBoundingClientRect(); return { x, y, width, height }; });
    const scale = Math.min(area.width / 120, area.height / 80);
    const point = (x, y) => page.tab.mouse.move(area.x + (area.width - 120 * scale) / 2 + x * scale, area.y + (area.height - 80 * scale) / 2 + y * scale);
    // layer1 of 120 × 80 is 30 × 20 cells of 4 pixels.
    await point(41, 22);
    await page.painted();
    assert.match(await page.text(id('readout')), /^\d+ % of the strongest place · cell 11 of 30 across, 6 of 20 down; raw value -?\d+\.\d{4} · it can see \d+ × \d+ pixels/);
    // The same words beside the pointer, on the picture.
    const [words, tip] = await page.tab.$eval(id('tooltip'), tip => { const { x, y, right, bottom } = tip.getBoundingClientRect(); return [tip.textContent, { x, y, right, bottom }]; });
    assert.equal(words, await page.text(id('readout')));
    const at = { x: area.x + (area.width - 120 * scale) / 2 + 41 * scale, y: area.y + (area.height - 80 * scale) / 2 + 22 * scale };
    assert.ok(Math.abs(tip.x - at.x) < 2 && Math.abs(tip.y - at.y) < 2, JSON.stringify({ tip, at }));
    assert.ok(tip.right < area.x + area.width && tip.bottom < area.y + area.height, JSON.stringify({ tip, area }));
    const [cell, field] = await page.tab.$$eval(`${id('marks')} path`, paths => paths.map(path => path.getAttribute('d')));
    assert.equal(cell, 'M40.0 20.0h4.0v4.0h-4.0z');
    // One bottleneck a stage: 7×7 stride 2, pool 3×3 stride 2, one 3×3 at stride 4: 7 + 4 + 8 = 19 pixels around 40.5, 20.5.
    assert.equal(field, 'M31.0 11.0h19.0v19.0h-19.0z');
    await page.tab.mouse.move(2, 2);
    await page.painted();
    assert.equal(await page.text(id('readout')), hint);

    await page.tab.$eval(id('marks'), marks => marks.focus());
    await page.tab.keyboard.press('ArrowRight');
    await page.tab.keyboard.press('ArrowUp');
    await page.painted();
    assert.match(await page.text(id('readout')), /cell 17 of 30 across, 10 of 20 down/);
    // The strongest cell reads 100 %: walk there by its place in the heatmap.
    await page.click(id('language'));
    assert.match(await page.text(id('readout')), /横向第 17 \/ 30 格/);
    await page.tab.keyboard.press('Escape');
  }));

  it('shows the picture in its own shape, and beside it classes and main controls without scrolling', async () => {
    for (const [width, height] of [[80, 80], [60, 120], [120, 80], [200, 60]]) {
      await visitPage(browser, site.url, async page => {
        await page.look(scratch(`shape-${width}.png`, photoPng(width, height)));
        const box = await page.tab.$eval(id('overlay-canvas'), canvas => { const { width, height } = canvas.getBoundingClientRect(); return { width, height }; });
        assert.ok(Math.abs(box.width / box.height / (width / height) - 1) < 0.01, `${width} × ${height}: ${JSON.stringify(box)}`);
        assert.ok(box.height > 480 || box.width > 800, `${width} × ${height} is small: ${JSON.stringify(box)}`);
        for (const what of [id('overlay-canvas'), `${id('top-k')} li:nth-child(5)`, id('class-search'), 'input[name="stage"]', 'input[name="view"]', id('opacity'), id('colours')]) {
          const [bottom, right] = await page.tab.$eval(what, element => { const { bottom, right } = element.getBoundingClientRect(); return [bottom, right]; });
          assert.ok(bottom <= 900 && right <= 1280, `${width} × ${height}: ${what} ends at ${bottom}, ${right}`);
        }
        // Nothing of the tools lies over the classes or the picture.
        const over = await page.tab.$eval('.stage-under', under => {
          const stage = under.closest('.stage').getBoundingClientRect();
          return [...under.querySelectorAll('*')].filter(element => element.getBoundingClientRect().right > stage.right + 1).map(element => element.className);
        });
        assert.deepEqual(over, [], `${width} × ${height}`);
      });
    }
  });

  it('smooths the heatmap as grad-cam does, says so, and remembers it with the photo and in a link', () => visit(async page => {
    await page.select('layer-select', 'layer2');
    const plain = await page.pixels();
    await page.tab.$eval(`details:has(${id('aug-smooth')})`, details => { details.open = true; });
    const described = () => page.tab.$eval(id('overlay-canvas'), canvas => canvas.getAttribute('aria-label'));
    assert.doesNotMatch(await described(), /smoothed/);
    const pictures = [plain];
    for (const name of ['aug-smooth', 'eigen-smooth']) {
      await page.click(id(name));
      await page.explained();
      await page.painted();
      const now = await page.pixels();
      for (const before of pictures) assert.ok(difference(now, before) > 0.5, name);
      pictures.push(now);
      assert.match(await described(), /Grad-CAM, smoothed/);
    }
    await page.look(scratch('other.png', photoPng(90, 110, 2)));
    await page.click(id('aug-smooth'));
    await page.explained();
    await page.click(`${id('tray')} button`);
    await page.explained();
    assert.deepEqual(await page.tab.$$eval('.explanation-settings .check input', boxes => boxes.map(box => box.checked)), [true, true]);
    assert.match(await page.tab.evaluate(() => new Promise(resolve => setTimeout(() => resolve(location.hash), 600))), /smooth=aug%2Ceigen/);
    // FEM adds up nothing that could be replaced.
    await page.select('method-select', 'fem');
    assert.ok(await page.tab.$eval(id('eigen-smooth'), box => box.disabled));
  }));

  it('tells the heatmap in words, in both languages', () => visit(async page => {
    const label = () => page.tab.$eval(id('overlay-canvas'), canvas => canvas.getAttribute('aria-label'));
    assert.match(await label(), /Strongest at the (upper|middle|lower|centre).*; \d+ % of what the network saw/);
    assert.ok((await page.text(id('in-words'))).includes((await label()).split('. ').at(-1)));
    await page.click(id('language'));
    assert.match(await label(), /最强处在.*；网络所见范围的 \d+%/);
  }));

  it('grows its text for a projector and remembers that', () => visit(async page => {
    const size = () => page.tab.$eval('h2', heading => parseFloat(getComputedStyle(heading).fontSize));
    const before = await size();
    await page.click(id('larger'));
    await page.painted();
    assert.ok(await size() > 1.25 * before);
    await page.tab.reload();
    await page.reach('ready');
    assert.ok(await size() > 1.25 * before);
    assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  }));
});

describe('ways in', () => {
  it('reads every format as Pillow does, with the engine\'s decoders or the browser\'s', async () => {
    const page = await open(browser, site.url);
    await page.reach('ready');
    const folder = path.join(ROOT, 'tests/fixtures');
    const file = fs.readFileSync(path.join(folder, 'photos.safetensors'));
    const length = Number(file.readBigUInt64LE());
    const header = JSON.parse(file.subarray(8, 8 + length));
    for (const name of fs.readdirSync(path.join(folder, 'photos'))) {
      const { dtype, shape: [height, width], data_offsets: [from, to] } = header[name];
      assert.equal(dtype, 'U8');
      const expected = file.subarray(8 + length + from, 8 + length + to);
      await page.tab.$eval(id('overlay-canvas'), canvas => { canvas.width = 1; });
      await page.upload('photo-input', path.join(folder, 'photos', name));
      await page.tab.waitForFunction(canvas => document.querySelector(canvas).width > 1, {}, id('overlay-canvas'));
      const got = await page.pixels(); // 24 × 16 is too small to look at, so this is the photo alone
      assert.deepEqual([got.width, got.height], [width, height], name);
      const rgb = got.rgba.filter((_, at) => at % 4 < 3);
      const off = Math.max(...expected.map((value, at) => Math.abs(value - rgb[at])));
      // JPEG as tests/photo.rs allows. The browser's share: GIF and BMP are lossless; WebP's chroma may be upsampled otherwise, and an
      // alpha channel rounds twice.
      const allowed = /^(subsampled|progressive)|\.webp$/.test(name) ? 4 : name.endsWith('.jpg') ? 2 : 0;
      assert.ok(off <= allowed, `${name} is off by ${off} of 255`);
    }
    await page.close();
  });

  for (const [name, cut] of [['lossy.webp', 200], ['still.gif', 120], ['rgb.bmp', 500]]) {
    it(`${name} cut short: a sentence`, async () => {
      const page = await open(browser, site.url);
      await page.reach('ready');
      await page.look(photo);
      const whole = fs.readFileSync(path.join(ROOT, 'tests/fixtures/photos', name));
      await page.look(scratch(`cut-${name}`, whole.subarray(0, cut)));
      assert.equal(await page.state(), 'error');
      assert.match(await page.error(), /damaged/);
      await page.look(photo);
      assert.equal(await page.state(), 'done');
      await page.close();
    });
  }
});

describe('ways out', () => {
  const press = (page, name) => page.tab.$eval(id(name), button => button.click());

  it('saves the heatmap alone, both with a caption, and the raw map', () => visit(async page => {
    const heatmap = await page.saved(() => press(page, 'out-heatmap'));
    await page.radio('input[name="view"][value="heatmap"]');
    const shown = await page.saved(() => press(page, 'save-png'));
    assert.ok(heatmap.bytes.equals(shown.bytes), 'the heatmap alone is the heatmap view');
    await page.radio('input[name="view"][value="overlay"]');

    const captioned = await page.saved(() => press(page, 'out-captioned'));
    assert.equal(captioned.bytes.readUInt32BE(16), 120 * 2 + 16);
    assert.ok(captioned.bytes.readUInt32BE(20) > 80 + 30, 'no room for the caption');

    const raw = await page.saved(() => press(page, 'out-raw'));
    assert.match(raw.name, /^photo-.+-layer4-grad-cam-raw\.npy$/);
    const length = raw.bytes.readUInt16LE(8);
    const header = raw.bytes.toString('latin1', 10, 10 + length);
    const [, height, width] = /'descr': '<f4'.*'shape': \((\d+), (\d+)\)/.exec(header).map(Number);
    assert.deepEqual([height, width], [3, 4]);
    assert.equal(raw.bytes.length, 10 + length + 4 * height * width);
    // Read back as the page reads it: the strongest cell of the file is the one that reads highest.
    const values = Array.from({ length: height * width }, (_, at) => raw.bytes.readFloatLE(10 + length + 4 * at));
    await page.tab.$eval(id('marks'), marks => marks.focus());
    for (const key of [...Array(4).fill('ArrowLeft'), ...Array(3).fill('ArrowUp')]) await page.tab.keyboard.press(key);
    const first = await page.text(id('readout'));
    assert.equal(Number(/raw value (-?\d+\.\d+)/.exec(first)[1]), Number(values[0].toFixed(4)));
  }, { before: keepDownloads }));

  const clipboard = async page => {
    // Firefox has no such permissions, and needs none here.
    await page.context.overridePermissions(page.origin, ['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']).catch(() => {});
    await page.tab.bringToFront();
    await press(page, 'out');
  };

  it('copies the picture', notInFirefox('without a window its clipboard holds no pictures'), () => visit(async page => {
    await clipboard(page);
    await press(page, 'out-copy');
    await page.tab.waitForFunction(word => document.querySelector(word).textContent.includes('clipboard'), {}, id('word'));
    assert.match(await page.text(id('word')), /The picture is on/);
    const copied = await page.tab.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const bitmap = await createImageBitmap(await item.getType('image/png'));
      return [bitmap.width, bitmap.height];
    });
    assert.deepEqual(copied, [120, 80]);
  }));

  it('copies a link that brings all settings back', () => visit(async page => {
    await clipboard(page);
    const klass = (await page.ranking())[2].class;
    await page.pick(klass);
    await page.select('layer-select', 'layer3');
    await page.select('method-select', 'grad-cam++');
    await page.slide(0.25);
    await page.radio('input[name="colours"][value="magma"]');
    await page.select('fit-select', 'crop');
    await page.select('objective', 'contrast');
    const other = await page.tab.$eval(id('rather-than'), select => [...select.options].at(-1).value);
    await page.select('rather-than', other);
    await page.tab.$eval(id('contours'), box => box.click());
    await page.painted();
    const here = await page.pixels();
    await press(page, 'out-link');
    await page.tab.waitForFunction(word => /link is on/.test(document.querySelector(word).textContent), {}, id('word'));
    const link = await page.tab.evaluate(() => navigator.clipboard.readText());
    assert.match(link, new RegExp(`^${site.url}#model=tiny&class=${klass}&target=contrast&contrast=${other}&layer=layer3&method=grad-cam%2B%2B&smooth=none&fit=crop&opacity=0\\.25&colours=magma&threshold=0\\.00&contours=yes&view=overlay&lang=en$`));

    const there = await open(browser, link);
    await there.reach('ready');
    assert.equal(await there.tab.$eval(id('overlay-canvas'), canvas => canvas.width), 300, 'the photo is not part of a link');
    await there.look(photo);
    assert.equal((await there.ranking()).find(row => row.pressed).class, klass);
    assert.equal(difference(await there.pixels(), here), 0);
    // Nonsense in an address is ignored.
    await there.tab.evaluate(() => { location.hash = '#model=nobody&class=999&layer=attic%2Blayer1&method=guess&target=why&fit=round&opacity=7&colours=plaid&threshold=-1&%zz=%zz'; });
    await there.painted();
    assert.notEqual(await there.state(), 'error');
    assert.equal(difference(await there.pixels(), here), 0);
    await there.close();
  }));

  it('writes a link that opens a sample with all that is set, and still reads older links', () => visit(async page => {
    await clipboard(page);
    await page.click(id('sample-dog'));
    await page.reach('done');
    const first = await page.pixels();
    await page.select('layer-select', 'layer2');
    await page.explained();
    await page.tab.$eval(id('closer'), details => { details.open = true; });
    await page.radio('input[name="panel"][value="methods"]');
    await page.click(id('language'));
    await page.painted();
    const here = await page.pixels();
    assert.ok(difference(here, first) > 0);
    await press(page, 'out-link');
    await page.tab.waitForFunction(word => document.querySelector(word).textContent, {}, id('word'));
    const link = await page.tab.evaluate(() => navigator.clipboard.readText());
    assert.match(link, /&sample=dog&.*&layer=layer2&.*&lang=zh-CN&panel=methods$/);

    const there = await open(browser, link);
    await there.reach('done');
    assert.equal(difference(await there.pixels(), here), 0);
    assert.equal(await there.tab.$eval('html', html => html.lang), 'zh-CN');
    assert.equal(await there.tab.$eval(id('panel'), panel => panel.dataset.panel), 'methods');
    const klass = (await there.ranking())[2].class;
    // As versions before this one wrote a contrast.
    await there.tab.evaluate(klass => { location.hash = `#model=tiny&target=contrast&than=${klass}&layer=layer4`; }, klass);
    await there.tab.waitForFunction((select, klass) => document.querySelector(select)?.value === String(klass), {}, id('rather-than'), klass);
    await there.close();
  }));

  it('closes the export menu on Escape and on a click elsewhere', () => visit(async page => {
    const open = () => page.tab.$eval('.export-menu', menu => menu.open);
    for (const leave of [() => page.tab.keyboard.press('Escape'), () => page.tab.click('h1')]) {
      await page.click(id('out'));
      assert.ok(await open());
      await leave();
      await page.painted();
      assert.ok(!(await open()));
    }
  }));

  it('has keys, which do nothing while one types, and can be switched off', () => visit(async page => {
    const { keyboard } = page.tab;
    const view = () => page.tab.$eval('input[name="view"]:checked', radio => radio.value);
    for (const [key, name] of [['3', 'heatmap'], ['4', 'both'], ['2', 'photo'], ['1', 'overlay']]) {
      await keyboard.press(key);
      await page.painted();
      assert.equal(await view(), name);
    }
    const chosen = async () => (await page.ranking()).find(row => row.pressed).class;
    const before = await chosen();
    await keyboard.press('n');
    await page.explained();
    assert.equal(await chosen(), (await page.ranking())[1].class);
    await page.tab.type(id('class-search'), 'n3');
    await page.painted();
    assert.equal(await view(), 'overlay');
    assert.notEqual(await chosen(), before);
    await page.tab.$eval(id('class-search'), field => field.blur());
    await keyboard.press('l');
    await page.tab.waitForFunction(() => document.documentElement.lang === 'zh-CN');
    assert.match(await page.text('#keys'), /选择照片/);
    await keyboard.press('l');
    await page.tab.$eval(id('keys'), box => box.click());
    await keyboard.press('3');
    await page.painted();
    assert.equal(await view(), 'overlay');
  }));

  it('says so when the browser refuses the clipboard', () => visit(async page => {
    await page.tab.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); });
    await press(page, 'out-link');
    await page.tab.waitForFunction(word => /refused/.test(document.querySelector(word).textContent), {}, id('word'));
  }));
});
