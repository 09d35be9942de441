// What the network says of the photo: the same words and maps as natively, a map for each word, its attention, links, languages.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { photoPng } from './tiny.mjs';
import { chromium, difference, EMOJI, id, native, ROOT, scratch, serve, visitPage } from './support.mjs';

const WEIGHTS = path.join(ROOT, 'weights/emoji50/emoji50.safetensors');
const WHALE = path.join(ROOT, 'weights/emoji50/sample/000.png'); // a basketball above a whale

let browser, site;
before(async () => {
  browser = await chromium();
  site = await serve();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const visit = (work, options) => visitPage(browser, site.url, work, { path: EMOJI, shaders: false, ...options });
const maps = page => page.tab.$eval(id('status'), status => Number(status.dataset.maps));
const words = page => page.tab.$$eval(`${id('caption')} button`, buttons => buttons.map(button => ({
  text: button.textContent,
  chosen: button.getAttribute('aria-pressed') === 'true',
})));

/** Waits for what comes of `work`: another map, or a sentence. */
async function described(page, work) {
  const before = await maps(page);
  await work();
  await page.tab.waitForFunction((status, fault, before) => {
    const { maps, state } = document.querySelector(status).dataset;
    return (Number(maps) > before && state === 'done') || document.querySelector(fault)?.textContent;
  }, { timeout: 60_000 }, id('status'), id('ask-fault'), before);
  await page.painted();
}

const describeIt = page => described(page, () => page.radio('input[name="look"][value="describe"]'));
const choose = (page, place) => described(page, () => page.click(`${id('caption')} button:nth-child(${place})`));

describe('a description', () => {
  it('has the native words, and each of them its maps', () => visit(async page => {
    await page.look(WHALE);
    const ofClass = await page.pixels();
    await describeIt(page);
    const { captions } = (await native(WEIGHTS, WHALE, ['--describe', '--fit', 'whole'])).result;
    assert.equal(await page.text(id('caption')), captions.en.text);
    assert.match(captions.en.text, /basketball/);
    const said = await words(page);
    assert.deepEqual(said.map(word => word.text), captions.en.words.map(({ word }) => word));
    assert.ok(said.every(word => !word.chosen), 'the whole sentence at first');
    assert.match(await page.text(id('status')), /speaks for the whole sentence/);
    const whole = await page.pixels();
    assert.ok(difference(ofClass, whole) > 1, 'another map than the class has');
    assert.equal(await page.tab.$(id('ask-map-attention')), null, 'attention is a word’s');

    const ball = said.findIndex(word => word.text === 'basketball') + 1;
    await choose(page, ball);
    assert.deepEqual((await words(page)).map(word => word.chosen), said.map((_, place) => place === ball - 1));
    assert.match(await page.text(id('status')), /what speaks for the word “basketball”/);
    assert.match(await page.text(id('in-words')), /the word “basketball”.*layer3/s);
    const gradCam = await page.pixels();
    assert.ok(difference(whole, gradCam) > 0.3);
    await page.click(id('ask-map-hires-cam'));
    await page.painted();
    assert.ok(difference(gradCam, await page.pixels()) > 0.3, 'HiResCAM is another map');
    await page.click(id('ask-map-attention'));
    await page.painted();
    assert.match(await page.text(id('status')), /what was looked at for the word “basketball”/);

    // Arrow keys go from word to word.
    await page.tab.focus(`${id('caption')} button:nth-child(${ball})`);
    await described(page, () => page.tab.keyboard.press('ArrowLeft'));
    assert.equal((await words(page)).findIndex(word => word.chosen), ball - 2);
    await described(page, () => page.click(id('caption-all')));
    assert.ok((await words(page)).every(word => !word.chosen));

    await page.radio('input[name="look"][value="name"]');
    assert.equal(difference(ofClass, await page.pixels()), 0, 'and the class has its own again');
  }));

  it('comes in the page’s language, again with each photo, and a link carries its word', () => visit(async page => {
    await page.look(WHALE);
    await describeIt(page);
    const english = await page.text(id('caption'));
    await described(page, () => page.click(id('language')));
    const chinese = await page.text(id('caption'));
    assert.match(chinese, /^[\u4e00-\u9fff，、]+$/);
    assert.match(chinese, /篮球/);
    await described(page, () => page.click(id('language')));
    assert.equal(await page.text(id('caption')), english);

    await described(page, () => page.click(id('sample-elephant-mouse')));
    const said = await words(page);
    assert.notEqual(said.map(word => word.text).join(' '), english);
    await choose(page, said.length);
    await page.tab.waitForFunction(() => /describe=\d/.test(location.hash));
    const address = await page.tab.evaluate(() => location.hash);
    await visitPage(browser, site.url, async other => {
      assert.ok((await words(other)).at(-1).chosen);
    }, { path: address, shaders: false, state: 'done' });
  }));

  it('is of the photo on show after the network has looked at another one', () => visit(async page => {
    await page.tab.waitForSelector(`${id('compare-right')}:not([hidden])`, { timeout: 60_000 });
    await describeIt(page);
    assert.match(await page.text(id('caption')), /elephant/);
  }, { path: '#model=emoji50&sample=elephant-mouse&fit=whole&teach=compare&beside=sample:cat-dog', state: 'done' }));

  it('says where it is not to be had, and for which size it is', () => visit(async page => {
    await page.look(scratch('wide.png', photoPng(300, 150)));
    await page.radio('input[name="look"][value="describe"]');
    await page.tab.waitForSelector(id('ask-network'));
    assert.match(await page.text('.classes'), /Another one describes.*no photos/s);
    await page.click(id('ask-network'));
    await page.tab.waitForSelector(id('ask-crop'), { timeout: 60_000 });
    assert.match(await page.text(id('ask-fault')), /224/);
    await page.click(id('ask-crop'));
    await page.tab.waitForSelector(id('caption'), { timeout: 60_000 });
    assert.equal(await page.text(id('ask-fault')), '');
  }, { path: '' }));
});
