// Looking inside: the drawing of the network, its channels, timings, the guided tour.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { chromium, id, scratch, serve, tinyModels, visitPage } from './support.mjs';
import { CLASSES, photoPng } from './tiny.mjs';

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

const visit = (work, options) => visitPage(browser, site.url, work, options);

const number = text => Number(text.replaceAll(',', ''));
/** Pictures of this layer's channels, no longer what keeps their places. */
const channels = (page, layer) => page.tab.waitForFunction(layer => {
  const captions = [...document.querySelectorAll('.network-view figcaption')].map(one => one.textContent);
  return document.querySelector('.network-view h3').textContent.includes(`Channels of ${layer} `) && captions.length === 12 && !captions.join().includes('…');
}, {}, layer);
const captions = (page, within) => page.tab.$$eval(`${within} figcaption`, all => all.map(one => one.textContent));

describe('inside the network', () => {
  it('draws the parts of the network that is loaded, with the shapes of this photo', () => visit(async page => {
    await page.look(photo);
    await page.click(`${id('inside')} summary`);
    const parts = await page.tab.$$eval('.network-parts button', all => all.map(one => [one.dataset.layer, one.querySelector('small').textContent, one.disabled]));
    // 16 channels wide, one bottleneck a stage, 120 × 80.
    assert.deepEqual(parts, [
      ['input', '3 × 80 × 120', true], ['conv1', '16 × 40 × 60', true], ['maxpool', '16 × 20 × 30', true],
      ['layer1', '64 × 20 × 30', false], ['layer2', '128 × 10 × 15', false], ['layer3', '256 × 5 × 8', false], ['layer4', '512 × 3 × 4', false],
      ['avgpool', '512 × 1 × 1', true], ['fc', `${CLASSES} × 1 × 1`, true],
    ]);
    assert.ok(await page.tab.$eval('.network-parts [data-layer="layer4"] .network-block', block => block.offsetHeight > 0 && block.offsetWidth > 0));
  }));

  it('traces from the stage that is clicked and shows its channels, strongest first', () => visit(async page => {
    await page.look(photo);
    await page.click(`${id('inside')} summary`);
    await channels(page, 'layer4');
    const late = await captions(page, '.network-view');
    await page.click('.network-parts [data-layer="layer2"]');
    await channels(page, 'layer2');
    assert.equal(await page.tab.$eval(id('layer-select'), select => select.value), 'layer2');
    assert.equal(await page.tab.$eval('.network-parts [data-layer="layer2"]', button => button.getAttribute('aria-pressed')), 'true');
    const found = await captions(page, '.network-view');
    assert.notDeepEqual(found, late);
    assert.equal(found.length, 12);
    const means = found.map(text => Number(/mean (.+)$/.exec(text)[1]));
    assert.deepEqual(means, means.toSorted((a, b) => b - a));
    assert.ok(means.at(-1) > 0);
    const pixels = await page.tab.$$eval('.network-view canvas', all => all.map(canvas => canvas.toDataURL()));
    assert.equal(new Set(pixels).size, 12, 'twelve channels, twelve maps');
    assert.equal(await page.state(), 'done');
  }));

  it('times every shader when asked to, and says so when it cannot', () => visit(async page => {
    await page.look(photo);
    await page.click(`${id('inside')} summary`);
    if (await page.tab.$eval(id('timing'), box => box.disabled)) {
      assert.match(await page.tab.$eval('.network-view', inside => inside.textContent), /does not offer time stamps/);
      return;
    }
    await page.click(id('timing'));
    await page.tab.waitForFunction(timings => document.querySelectorAll(`${timings} table`).length === 2, {}, id('timings'));
    const rows = await page.tab.$$eval(`${id('timings')} tbody tr`, all => all.map(row => [...row.children].map(cell => cell.textContent)));
    const names = rows.map(([name]) => name);
    for (const shader of ['conv2d', 'max_pool2d', 'linear', 'cam']) assert.ok(names.some(name => name.startsWith(shader)), `${shader} in ${names}`);
    for (const [name, steps, milliseconds] of rows) assert.ok(Number(steps) > 0 && Number(milliseconds) >= 0, name);
    await page.click(id('timing'));
    await page.tab.waitForFunction(timings => !document.querySelector(`${timings} table`), {}, id('timings'));
  }));
});

describe('for everyone', () => {
  it('gives axe-core nothing serious to find with everything unfolded, light and dark, and fits a phone', () => visit(async page => {
    await page.look(photo);
    await page.tab.$$eval('details', all => all.forEach(one => { one.open = true; }));
    await page.click(id('tour-start'));
    await channels(page, 'layer4');
    for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(theme);
    for (const [width, larger] of [[390, false], [320, false], [390, true]]) {
      await page.tab.setViewport({ width, height: 844 });
      if (larger) await page.tab.$eval(id('larger'), button => button.click());
      await page.painted();
      assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than ${width}${larger ? ', large text' : ''}`);
    }
  }));
});

describe('the guided tour', () => {
  it('takes five steps with the numbers of this photo, by keyboard alone, in both languages', () => visit(async page => {
    await page.look(photo);
    await page.tab.focus(id('tour-start'));
    await page.tab.keyboard.press('Enter');
    const words = () => page.text(id('tour'));
    const at = step => page.tab.waitForFunction((tour, step) => {
      const card = document.querySelector(tour);
      return card?.dataset.step === step && !card.textContent.includes('Working on it');
    }, {}, id('tour'), String(step));
    const next = async step => {
      await page.tab.focus(id('tour-next'));
      await page.tab.keyboard.press('Enter');
      await at(step);
    };
    await at(1);
    assert.match(await page.tab.evaluate(() => document.activeElement.textContent), /What the network sees/);
    assert.equal(number(/: ([\d,]+) numbers in all/.exec(await words())[1]), 3 * 120 * 80);
    assert.deepEqual(await page.tab.$eval(`${id('tour')} canvas`, canvas => [canvas.width, canvas.height]), [120, 80]);

    await next(2);
    // 1 stem, 4 bottlenecks of 3 convolutions with a downsample each, and fc.
    assert.match(await words(), /^Step 2 of 5Forward18 layers with weights/);
    const best = (await page.ranking())[0];
    assert.ok((await words()).includes(`“${best.name}” got`));
    assert.ok((await words()).includes(`share of ${(100 * best.probability).toFixed(1)} %`));
    assert.equal((await captions(page, id('tour'))).length, 4);

    await next(3);
    assert.equal(number(/with ([\d,]+) numbers/.exec(await words())[1]), 512 * 3 * 4);

    await next(4);
    const weights = (await captions(page, id('tour'))).map(text => Number(/weight (.+)$/.exec(text)[1]));
    assert.deepEqual(weights, weights.toSorted((a, b) => b - a));
    assert.ok(weights[0] > 0);
    const [, positive, all] = /(\d+) of (\d+) weights are positive/.exec(await words()).map(Number);
    assert.ok(positive > 0 && positive < all && all === 512);

    await next(5);
    assert.deepEqual(await page.tab.$eval(`${id('tour')} canvas`, canvas => [canvas.width, canvas.height]), [4, 3]);
    assert.ok(await page.tab.$eval('input[name="view"][value="overlay"]', radio => radio.checked));
    const largest = Number(/the largest, ([\d.]+), becomes 1/.exec(await words())[1]);
    assert.ok(largest > 0);

    await page.click(id('language'));
    assert.match(await words(), /第 5 步，共 5 步/);
    await page.click(id('tour-next'));
    assert.equal(await page.tab.$(id('tour')), null);
  }));

  it('starts without a photo, on the first sample', () => visit(async page => {
    await page.click(id('tour-start'));
    await page.tab.waitForFunction(status => document.querySelector(status).dataset.maps !== '0', {}, id('status'));
    await page.reach('done');
    assert.match(await page.text(id('tour-words')), /^Your photo, /);
  }));
});
