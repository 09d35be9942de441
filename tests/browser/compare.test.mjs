// Side by side: two photos, or two models, with one class and one colour scale. The picture on show stays what it is.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { photoPng } from './tiny.mjs';
import { DIST, chromium, difference, id, keepDownloads, scratch, serve, visitPage } from './support.mjs';

let browser, site;
before(async () => {
  browser = await chromium();
  site = await serve();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const at = (beside, sample = 'dog-cat') => `#model=efficientnet-lite0&sample=${sample}&teach=compare${beside ? `&beside=${beside}` : ''}`;
const visit = (beside, work, options = {}) => visitPage(browser, site.url, work, { state: 'done', shaders: false, path: at(beside), ...options });

/** Waits until what stands on the right fits the words. */
const right = (page, words) => page.tab.waitForFunction((pair, source) => {
  const pairs = document.querySelector(pair);
  const figure = pairs?.children[1];
  return figure && !pairs.classList.contains('waiting') && !figure.hidden && new RegExp(source, 's').test(figure.textContent);
}, { timeout: 60_000 }, id('compare-pair'), words.source).then(() => page.painted());

const lines = (page, side) => page.tab.$$eval(`${id(`compare-${side}`)} figcaption span`, spans => spans.map(span => span.textContent));
const largest = async (page, side) => Number(/largest value ([\d.]+)/.exec((await lines(page, side)).join())[1]);
const picture = (page, side) => page.tab.$eval(`${id(`compare-${side}`)} canvas`, canvas => {
  const { width, height } = canvas;
  return { width, height, rgba: [...canvas.getContext('2d').getImageData(0, 0, width, height).data] };
});
const beside = (page, value) => page.tab.select(id('compare-beside'), value);
const asked = (page, file) => page.requests.filter(({ url }) => url.endsWith(file)).length;

describe('two photos', () => {
  it('are explained for one class, on one scale, and follow the class, layer and method above', () => visit('sample:koala', async page => {
    await right(page, /koala/);
    const shown = await page.pixels();
    const [best, second] = await page.ranking();
    assert.ok((await lines(page, 'left'))[0].startsWith(`“${best.name}”`));
    assert.ok((await lines(page, 'right'))[0].startsWith(`“${best.name}”`), 'not the koala, which is likeliest there');
    assert.match((await lines(page, 'right'))[1], /^Likeliest: koala \d/);

    // One scale: its top is the larger one of the two largest values, and the other picture does not reach it.
    const values = [await largest(page, 'left'), await largest(page, 'right')];
    assert.ok(values[0] > 1.5 * values[1], `${values}`);
    assert.ok((await page.text(id('compare-scale'))).startsWith(`The top of the colour scale is ${Math.max(...values).toFixed(4)} in both`));
    const pale = await picture(page, 'right');
    const left = await picture(page, 'left');
    await page.tab.$eval(id('compare-one-scale'), box => box.click());
    await page.painted();
    assert.ok(difference(await picture(page, 'right'), pale) > 3, 'stretched to its own top');
    assert.ok(difference(await picture(page, 'left'), left) < 1, 'the left one had the top');
    assert.match(await page.text(id('compare-scale')), /own scale/);

    await page.pick(second.class);
    await right(page, new RegExp(`“${second.name}”`));
    await page.select('layer-select', 'blocks.4');
    await page.select('method-select', 'hires-cam');
    await right(page, /blocks\.4 · HiResCAM/);
    assert.match((await lines(page, 'left'))[2], /blocks\.4 · HiResCAM/);

    // The engine saw another photo meanwhile; what is on show is explained as before.
    await page.select('method-select', 'grad-cam');
    await page.select('layer-select', 'head');
    await page.pick(best.class);
    assert.deepEqual(await page.pixels(), shown);
    await page.tab.$eval(id('closer'), details => { details.open = true; });
    await page.tab.waitForSelector(`${id('closer')} figure`);
    await page.tab.waitForFunction(() => /beside=sample%3Akoala|beside=sample:koala/.test(location.hash), { timeout: 10_000 });
  }));

  it('one may be a file, also one that cannot be read, in both languages', () => visit('', async page => {
    await page.upload('compare-input', scratch('beside.png', photoPng(80, 60)));
    await right(page, /beside\.png/);
    const { width, height } = await picture(page, 'right');
    assert.deepEqual([width, height], [80, 60]);
    await page.upload('compare-input', scratch('torn.png', photoPng(80, 60).subarray(0, 60)));
    await page.tab.waitForSelector(id('compare-fault'));
    assert.match(await page.text(`${id('compare-fault')} p`), /damaged: the file ends too early/);
    assert.equal(await page.state(), 'done', 'what is on show stays');
    await page.click(id('language'));
    await page.painted();
    assert.match(await page.text(`${id('compare-fault')} p`), /[\u4e00-\u9fff]{4}/);
    await beside(page, 'sample:bee');
    await right(page, /最可能：蜜蜂/);
    assert.match(await page.text(id('compare-scale')), /^两图色标的最高值都是/);

    // A photo of this visit: the one that was on show before.
    await page.look(scratch('third.png', photoPng(100, 70)));
    await page.look(scratch('fourth.png', photoPng(64, 64)));
    const tray = await page.tab.$$eval(`${id('compare-beside')} option`, all => all.map(one => [one.value, one.textContent]));
    const [value] = tray.find(([, name]) => name === 'third.png');
    await beside(page, value);
    await right(page, /third\.png/);
    assert.ok(!tray.some(([, name]) => name === 'fourth.png'), 'not the one on show');
  }));

  it('leave the page as one picture', () => visit('sample:koala', async page => {
    await right(page, /koala/);
    const widths = [await picture(page, 'left'), await picture(page, 'right')].map(({ width }) => width);
    const { name, bytes } = await page.saved(() => page.click(id('compare-save')));
    assert.match(name, /^dog-cat.*-beside\.png$/);
    assert.equal(bytes.readUInt32BE(16), widths[0] + widths[1] + 16);
  }, { before: keepDownloads }));
});

describe('two models', () => {
  it('see one photo: the class goes by its name, neither is fetched twice, and the first stays in use', () => visit('model:emoji50', async page => {
    // The likeliest is a breed of dog, which the other model has no class for.
    await right(page, /is not among the classes of Emoji drawings/);
    const [best] = await page.ranking();
    assert.ok((await lines(page, 'right'))[0].startsWith(`“${best.name}” is not among`));
    assert.match((await lines(page, 'right'))[1], /^Likeliest: \S/);
    assert.equal(await page.text(id('compare-scale')), '');

    const shown = await page.pixels();
    await page.tab.type(id('class-search'), 'ambulance');
    await page.tab.keyboard.press('Enter');
    await right(page, /“ambulance” .*layer4/);
    assert.match((await lines(page, 'right'))[2], /^Emoji drawings · layer4 · Grad-CAM/);
    assert.match((await lines(page, 'left'))[2], /^Photos \(EfficientNet-Lite0\) · head · Grad-CAM/);
    assert.match(await page.text(id('compare-scale')), /do not measure in the same unit.*different names/s);
    assert.equal(asked(page, 'emoji50.safetensors'), 1);

    await page.radio('input[name="teach"][value="lessons"]');
    await page.pick(best.class);
    assert.deepEqual(await page.pixels(), shown, 'the first model never left');
    assert.equal(await page.tab.$eval(id('model-select'), select => select.value), 'efficientnet-lite0');
    assert.equal(asked(page, 'efficientnet-lite0.safetensors'), 1);

    // The other way round: the model that is chosen takes the place of the one in use, and that one can stand beside it.
    await page.tab.select(id('model-select'), 'emoji50');
    await page.tab.waitForFunction(select => /ResNet/.test(document.querySelector(select)?.textContent), { timeout: 60_000 }, id('architecture'));
    await page.reach('done');
    await page.radio('input[name="teach"][value="compare"]');
    await beside(page, 'model:efficientnet-lite0');
    await right(page, /Photos \(EfficientNet-Lite0\)/);
  }));

  it('one on its way can be called off, and asked for again', async () => {
    const file = 'weights/emoji50/emoji50.safetensors';
    let arrive;
    const slow = await serve({ [file]: new Promise(resolve => { arrive = resolve; }) });
    try {
      await visitPage(browser, slow.url, async page => {
        const shown = await page.pixels();
        await beside(page, 'model:emoji50');
        await page.click(id('compare-cancel'));
        await page.tab.waitForFunction(select => document.querySelector(select).value === '', {}, id('compare-beside'));
        assert.equal(await page.tab.$(id('compare-cancel')), null);
        assert.equal(await page.tab.$(id('compare-fault')), null, 'who calls it off knows that');
        await page.reach('done');
        assert.deepEqual(await page.pixels(), shown);
        await page.pick((await page.ranking())[1].class);
        arrive(fs.readFileSync(path.join(DIST, file)));
        await beside(page, 'model:emoji50');
        await right(page, /Emoji drawings|not among/);
      }, { state: 'done', shaders: false, path: at('') });
    } finally {
      await slow.close();
    }
  });

  it('another host is asked only after the visitor was', () => visit('model:imagenet', async page => {
    await page.tab.waitForSelector(id('compare-offer'));
    assert.match(await page.text(id('compare-offer')), /102 MB.*huggingface\.co/s);
    assert.equal(await page.tab.$(id('offer')), null, 'it is not to be the model in use');
    assert.equal(await page.state(), 'done');
    // `close` fails where another host was asked.
  }));
});

it('on a phone one stands above the other; everything can be read, in the dark too', () => visit('sample:koala', async page => {
  await right(page, /koala/);
  const [left, other] = await page.tab.$$eval(`${id('compare-pair')} figure`, all => all.map(one => one.getBoundingClientRect().toJSON()));
  assert.ok(other.top >= left.bottom && left.left === other.left);
  assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(theme);
}, { viewport: { width: 390, height: 844 } }));
