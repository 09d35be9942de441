// Questions about the photo: the same answers and maps as natively, each answer's own map, two methods, and what can't be answered.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { photoPng } from './tiny.mjs';
import { chromium, covered, difference, EMOJI, id, keepDownloads, native, ROOT, scratch, serve, visitPage } from './support.mjs';

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
const askIt = page => page.radio('input[name="look"][value="ask"]');
const answers = page => page.tab.$$eval(`${id('answers')} li`, rows => rows.map(row => ({
  name: row.querySelector('.class-name').textContent,
  probability: Number(row.dataset.probability),
  chosen: row.querySelector('button').getAttribute('aria-pressed') === 'true',
})));

/** Waits for what comes of `work`: another map, or a sentence. */
async function answered(page, work) {
  const before = await maps(page);
  await work();
  await page.tab.waitForFunction((status, fault, before) => {
    const { maps, state } = document.querySelector(status).dataset;
    return (Number(maps) > before && state === 'done') || document.querySelector(fault)?.textContent;
  }, { timeout: 60_000 }, id('status'), id('ask-fault'), before);
  await page.painted();
}

async function ask(page, question) {
  await page.tab.$eval(id('question'), field => { field.value = ''; });
  await page.tab.type(id('question'), question);
  await answered(page, () => page.tab.keyboard.press('Enter'));
}

describe('a question about the photo', () => {
  it('has the native answers, and each of them its map by two methods', () => visit(async page => {
    await page.look(WHALE);
    const ofClass = await page.pixels();
    await askIt(page);
    await page.tab.waitForSelector(`${id('suggestions')} button`);
    await ask(page, 'What is above the whale?');
    const expected = (await native(WEIGHTS, WHALE, ['--ask', 'What is above the whale?', '--fit', 'whole'])).result.answers;
    const found = await answers(page);
    assert.deepEqual(found.map(answer => answer.name), expected.map(answer => answer.answer));
    found.forEach(({ probability }, place) => assert.ok(Math.abs(probability - expected[place].probability) < 1e-3, `${place}: ${probability}`));
    assert.deepEqual(found.map(answer => answer.chosen), [true, false, false]);
    assert.match(await page.text(id('status')), /what speaks for the answer “basketball”/);
    assert.match(await page.text(id('in-words')), /the answer “basketball”.*layer3/s);
    const gradCam = await page.pixels();
    assert.ok(difference(ofClass, gradCam) > 1, 'the map of the answer');

    await page.click(id('ask-map-hires-cam'));
    await page.painted();
    const hiResCam = await page.pixels();
    assert.ok(difference(gradCam, hiResCam) > 0.3, 'HiResCAM is another map');
    assert.match(await page.text(id('in-words')), /HiResCAM/);
    await answered(page, () => page.click(`${id('answers')} li:nth-child(2) button`));
    assert.deepEqual((await answers(page)).map(answer => answer.chosen), [false, true, false]);
    assert.ok(difference(hiResCam, await page.pixels()) > 0.1, 'another answer has another map');

    await page.radio('input[name="look"][value="name"]');
    assert.equal(difference(ofClass, await page.pixels()), 0, 'and the class has its own again');
  }));

  it('is suggested about what is in the picture, in the page’s language, and a link carries it', () => visit(async page => {
    await page.look(WHALE);
    await askIt(page);
    await page.tab.waitForSelector(`${id('suggestions')} button`);
    const suggested = () => page.tab.$$eval(`${id('suggestions')} button`, buttons => buttons.map(button => button.textContent));
    assert.equal((await suggested()).length, 7);
    const [first, second] = (await page.ranking()).map(row => row.name); // fish and basketball
    assert.ok((await suggested()).every(question => question.includes(first) || question.includes(second) || /things|largest/.test(question)), String(await suggested()));
    await page.click(id('language'));
    await page.painted();
    const chinese = await suggested();
    const question = chinese.find(question => /的左边是什么/.test(question));
    assert.ok(question, String(chinese));
    await answered(page, () => page.tab.evaluate((select, question) => {
      [...document.querySelectorAll(`${select} button`)].find(button => button.textContent === question).click();
    }, id('suggestions'), question));
    assert.match(await page.text(id('status')), /支持答案“.+”的位置/);
    await page.tab.waitForFunction(question => decodeURIComponent(location.hash.replaceAll('+', ' ')).includes(`ask=${question}`), {}, question);
  }));

  it('of a link is asked once network and sample are there', () => visit(async page => {
    await page.reach('done');
    await page.tab.waitForSelector(`${id('answers')} li`);
    assert.equal(await page.tab.$eval(id('question'), field => field.value), 'What is above the pizza?');
    assert.equal((await answers(page)).length, 3);
  }, { path: '#model=emoji50&sample=pizza-guitar&lang=en&ask=What+is+above+the+pizza%3F', state: 'done' }));

  it('that is not understood gets a sentence, in both languages, and loses nothing', () => visit(async page => {
    await page.look(WHALE);
    await askIt(page);
    await page.tab.waitForSelector(`${id('suggestions')} button`);
    await ask(page, 'What is above the wombat?');
    assert.match(await page.text(id('ask-fault')), /asks about “wombat”.*149/s);
    assert.deepEqual(await answers(page), []);
    await page.click(id('language'));
    await page.painted();
    assert.match(await page.text(id('ask-fault')), /“wombat”不在.*149/s);
    assert.equal(await page.tab.$eval(id('question'), field => field.value), 'What is above the wombat?');
    assert.equal(await page.error(), '', 'no complaint of the whole page');
    await ask(page, '鲸鱼的上方是什么？');
    assert.equal((await answers(page))[0].name, '篮球');
  }));

  it('about a photo of another shape offers the center crop', () => visit(async page => {
    await page.look(scratch('wide.png', photoPng(300, 200)));
    await askIt(page);
    await page.tab.waitForSelector(`${id('suggestions')} button`);
    await ask(page, 'What is largest?');
    assert.match(await page.text(id('ask-fault')), /224×224/);
    await answered(page, () => page.click(id('ask-crop')));
    await page.tab.waitForSelector(`${id('answers')} li`);
    assert.equal((await answers(page)).length, 3);
  }));

  it('is answered by the network for drawings; the one for photos says so', () => visit(async page => {
    await page.look(WHALE);
    await askIt(page);
    assert.equal(await page.tab.$(id('question')), null);
    await page.click(id('ask-network'));
    await page.tab.waitForSelector(`${id('suggestions')} button`, { timeout: 60_000 });
    await ask(page, 'Is there a whale?');
    assert.equal((await answers(page))[0].name, 'yes');
  }, { path: '' }));

  it('names its file after question and answer', () => visit(async page => {
    await page.look(WHALE);
    await askIt(page);
    await page.tab.waitForSelector(`${id('suggestions')} button`);
    await ask(page, 'What is above the whale?');
    const { name, bytes } = await page.saved(() => page.click(id('save-png')));
    assert.equal(name, '000-What-is-above-the-whale--basketball-layer3-grad-cam-overlay.png');
    assert.ok(bytes.length > 1000);
  }, { before: keepDownloads }));

  it('gives axe-core nothing serious to find, light and dark, and fits a phone', () => visit(async page => {
    await page.look(WHALE);
    await askIt(page);
    await page.tab.waitForSelector(`${id('suggestions')} button`);
    await ask(page, 'What is above the whale?');
    for (const theme of ['light', 'dark']) {
      if (await page.dress(theme)) await page.audit(theme);
    }
    const { wide, small } = await page.tab.evaluate(() => ({
      wide: document.documentElement.scrollWidth - innerWidth,
      small: [...document.querySelectorAll('.classes button')].filter(button => button.checkVisibility() && button.offsetHeight < 36).map(button => button.textContent),
    }));
    assert.equal(wide, 0);
    assert.deepEqual(small, []);
  }, { viewport: { width: 390, height: 844 } }));

  for (const width of [390, 820, 1280]) {
    it(`leaves every control its clicks at ${width} pixels, in both languages`, () => visit(async page => {
      await askIt(page);
      assert.deepEqual(await covered(page), [], 'before a photo');
      await page.upload('photo-input', WHALE);
      await page.tab.waitForSelector(`${id('suggestions')} button`);
      await ask(page, 'What is above the whale?');
      for (let language = 0; language < 2; language++) {
        assert.deepEqual(await covered(page), []);
        await page.click(id('language'));
        await page.painted();
      }
    }, { viewport: { width, height: 844 } }));
  }

  it('is about the photo on show: the next photo is asked anew', () => visit(async page => {
    await page.look(WHALE);
    await askIt(page);
    await page.tab.waitForSelector(`${id('suggestions')} button`);
    await ask(page, 'How many things are there?');
    const first = await answers(page);
    const other = fs.readdirSync(path.join(ROOT, 'weights/emoji50/sample')).filter(name => name.endsWith('.png'))[3];
    const before = await maps(page);
    await page.upload('photo-input', path.join(ROOT, 'weights/emoji50/sample', other));
    await page.tab.waitForFunction((status, before) => Number(document.querySelector(status).dataset.maps) >= before + 2, { timeout: 60_000 }, id('status'), before);
    await page.painted();
    assert.notDeepEqual(await answers(page), first);
  }));
});
