// What a reload brings back: settings from the address, the visitor's own files from this browser once that was agreed to.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LABELS, photoPng, tinyResnet } from './tiny.mjs';
import { chromium, id, open, scratch, serve, tinyModels, visitPage } from './support.mjs';

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

/** The address follows after a moment. */
const settled = async page => {
  await page.painted();
  await new Promise(resolve => setTimeout(resolve, 700));
};
const value = (page, name) => page.tab.$eval(id(name), control => control.value);
const kept = page => page.tab.evaluate(async () => (await (await caches.open('gradlens-own')).keys()).map(({ url }) => url.split('/own/')[1]).sort());
const line = page => page.tab.$eval(id('own-files'), line => (line.checkVisibility() ? line.querySelector('span').textContent : ''));

describe('a reload', () => {
  it('keeps sample, class, layer, method and looks', () => visitPage(browser, site.url, async page => {
    await page.tab.click(`${id('sample-koala')}`);
    await page.reach('done');
    await page.select('layer-select', 'layer3');
    await page.select('method-select', 'layer-cam');
    await page.pick((await page.ranking())[2].class);
    await page.tab.$eval('input[name="colours"][value="viridis"]', radio => radio.click());
    await settled(page);
    const before = { pixels: await page.pixels(), chosen: await page.tab.$eval(`${id('top-k')} [aria-pressed="true"]`, button => button.closest('li').dataset.class) };
    await page.tab.reload();
    await page.reach('done');
    assert.equal(await value(page, 'layer-select'), 'layer3');
    assert.equal(await value(page, 'method-select'), 'layer-cam');
    assert.equal(await page.tab.$eval(`${id('top-k')} [aria-pressed="true"]`, button => button.closest('li').dataset.class), before.chosen);
    assert.deepEqual(await page.pixels(), before.pixels);
    assert.equal(await line(page), '', 'a sample is no file of the visitor');
  }));

  it('brings own photo, weights and labels back once that was agreed to, until they are forgotten', () => visitPage(browser, site.url, async page => {
    const photo = scratch('我的 photo.png', photoPng(90, 70, 3));
    const use = async () => {
      await page.upload('weights-input', scratch('mine.safetensors', tinyResnet(8)), scratch('mine.json', JSON.stringify(LABELS.map((_, at) => `own ${at}`))));
      await page.tab.waitForFunction(select => document.querySelector(select).value === 'own', { timeout: 60_000 }, id('model-select'));
      await page.look(photo);
    };
    await use();
    assert.match(await line(page), /Keep your files in this browser/);
    assert.deepEqual(await kept(page), [], 'nothing is kept before that is agreed to');
    await settled(page);
    await page.tab.reload();
    await page.reach('ready');
    assert.equal(await value(page, 'model-select'), 'tiny');

    await use();
    const names = (await page.ranking()).map(row => row.name);
    assert.match(names[0], /^own \d$/);
    const pixels = await page.pixels();
    await page.click(id('keep-files'));
    await settled(page);
    assert.deepEqual(await kept(page), ['labels', 'photo', 'weights']);
    for (const name of ['mine.safetensors', 'mine.json', '我的 photo.png']) assert.ok((await line(page)).includes(name), name);
    await page.tab.reload();
    await page.reach('done');
    assert.equal(await value(page, 'model-select'), 'own');
    assert.deepEqual((await page.ranking()).map(row => row.name), names);
    assert.deepEqual(await page.pixels(), pixels);

    await page.click(id('forget-files'));
    await settled(page);
    assert.deepEqual(await kept(page), []);
    await page.tab.reload();
    await page.reach('ready');
    assert.equal(await value(page, 'model-select'), 'tiny');
  }));

  it('a sample or a listed model takes an own file’s place, and what broke the page is not brought back at once', () => visitPage(browser, site.url, async page => {
    await page.look(scratch('own.png', photoPng(64, 64, 5)));
    await page.click(id('keep-files'));
    await settled(page);
    assert.deepEqual(await kept(page), ['photo']);
    // As after a page that broke while it brought the photo back.
    await page.tab.evaluate(() => { localStorage['gradlens-restoring'] = 'yes'; });
    await page.tab.reload();
    await page.reach('ready');
    await page.tab.reload();
    await page.reach('done');
    assert.match(await line(page), /own\.png/);

    await page.tab.click(id('sample-koala'));
    await page.reach('done');
    await settled(page);
    assert.deepEqual(await kept(page), []);
    assert.equal(await line(page), '');
  }));
});
