// The lessons for teachers: each opens what its notes speak of, and the code leads to the same view.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import jsQR from 'jsqr';
import { photoPng } from './tiny.mjs';
import { chromium, id, open, scratch, serve, visitPage } from './support.mjs';

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

    // Back to another model, class and target.
    assert.deepEqual(await lesson(page, 1), giraffe);
    assert.equal(await page.tab.$eval(id('objective'), select => select.value), 'logit');
  }));

  it('are all there in Chinese, on a phone too', () => visit(async page => {
    await page.click(id('language'));
    const texts = await page.tab.$$eval(`${id('teach')} li`, rows => rows.map(row => row.textContent));
    assert.equal(texts.length, 6);
    for (const text of texts) assert.ok(/[\u4e00-\u9fff]{8}/.test(text) && !/Open this|Notes/.test(text), text);
    assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the screen');
  }, { viewport: { width: 390, height: 844 } }));

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
