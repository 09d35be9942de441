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
/** Boxes of the drawing that the tour is about. */
const lit = page => page.tab.$$eval('.network-parts li.lit button', all => all.map(one => one.dataset.layer));
/** The tour's table of scores. */
const table = page => page.tab.$$eval(`${id('tour-scores')} tbody tr`, rows => rows.map(row => {
  const [name, score, probability] = [...row.children].map(cell => cell.textContent);
  return { name, score: Number(score), probability };
}));
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

describe('terms', () => {
  const open = page => page.tab.evaluate(() => [...document.querySelectorAll('.term-meaning')].filter(one => one.matches(':popover-open')).map(one => one.id));
  const term = name => `.explanation-settings .term[popovertarget="term-${name}"]`;

  it('explain themselves by pointer and keyboard, and go on Escape or a click elsewhere', () => visit(async page => {
    await page.tab.locator(term('channel')).click();
    assert.deepEqual(await open(page), ['term-channel']);
    assert.match(await page.text(id('term-channel')), /^Channel One of the maps/);
    // Beside its word, and inside the window.
    const [word, note] = await page.tab.evaluate((word, note) => [word, note].map(one => { const { left, right, top, bottom } = document.querySelector(one).getBoundingClientRect(); return { left, right, top, bottom }; }), term('channel'), id('term-channel'));
    assert.ok(note.top - word.bottom < 20 && word.top - note.bottom < 20, JSON.stringify([word, note]));
    assert.ok(note.left >= 0 && note.right <= 1280 && note.top >= 0 && note.bottom <= 900);
    await page.tab.keyboard.press('Escape');
    assert.deepEqual(await open(page), []);

    await page.tab.focus(term('gradient'));
    await page.tab.keyboard.press('Enter');
    assert.deepEqual(await open(page), ['term-gradient']);
    await page.tab.keyboard.press('Escape');
    assert.deepEqual(await open(page), []);
    assert.ok(await page.tab.$eval(term('gradient'), button => button === document.activeElement), 'the focus is where it was');

    await page.tab.keyboard.press(' ');
    assert.deepEqual(await open(page), ['term-gradient']);
    await page.tab.click('h1');
    assert.deepEqual(await open(page), []);

    await page.click(id('language'));
    await page.tab.locator(term('gradient')).click();
    assert.match(await page.text(id('term-gradient')), /^梯度 一个量/);
  }));

  it('in the tour, where Escape closes the meaning before the tour; each of the five is somewhere', () => visit(async page => {
    await page.look(photo);
    const met = new Set();
    await page.click(id('tour-start'));
    for (let step = 1; step <= 7; step++) {
      await page.tab.waitForFunction((tour, step) => document.querySelector(`${tour}[data-step="${step}"]`) && !document.querySelector(tour).textContent.includes('Working on it'), {}, id('tour'), step);
      for (const one of await page.tab.$$eval('.tour .term', all => all.map(term => term.getAttribute('popovertarget')))) {
        met.add(one);
        await page.tab.locator(`.tour .term[popovertarget="${one}"]`).click();
        assert.deepEqual(await open(page), [one]);
        await page.tab.keyboard.press('Escape');
        assert.deepEqual(await open(page), []);
        assert.ok(await page.tab.$(id('tour')), 'the tour is still there');
      }
      if (step < 7) await page.click(id('tour-next'));
    }
    assert.deepEqual([...met].sort(), ['term-channel', 'term-gradient', 'term-logit', 'term-relu', 'term-softmax']);
    await page.tab.keyboard.press('Escape');
    assert.equal(await page.tab.$(id('tour')), null);
  }));

  it('by touch, with room for a finger', () => visit(async page => {
    const button = await page.tab.waitForSelector(term('channel'));
    await button.scrollIntoView();
    const { width, height } = await button.boundingBox();
    assert.ok(width >= 36 && height >= 36, `${width} × ${height}`);
    await button.tap();
    assert.deepEqual(await open(page), ['term-channel']);
    const { left, right } = await page.tab.$eval(id('term-channel'), note => { const { left, right } = note.getBoundingClientRect(); return { left, right }; });
    assert.ok(left >= 0 && right <= 390);
  }, { viewport: { width: 390, height: 844, hasTouch: true, isMobile: true } }));
});

describe('for everyone', () => {
  it('gives axe-core nothing serious to find with everything unfolded, light and dark, and fits a phone', () => visit(async page => {
    await page.look(photo);
    await page.tab.$$eval('details', all => all.forEach(one => { one.open = true; }));
    await page.click(id('tour-start'));
    await channels(page, 'layer4');
    for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(theme);
    for (const step of [2, 3, 4, 5, 6, 7]) {
      await page.click(id('tour-next'));
      await page.tab.waitForSelector(`${id('tour')}[data-step="${step}"]`);
    }
    await page.tab.$$eval(`${id('tour-questions')} button:first-child`, buttons => buttons.forEach(button => button.click()));
    for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(`questions, ${theme}`);
    for (const [width, larger] of [[390, false], [320, false], [390, true]]) {
      await page.tab.setViewport({ width, height: 844 });
      if (larger) await page.tab.$eval(id('larger'), button => button.click());
      await page.painted();
      assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than ${width}${larger ? ', large text' : ''}`);
    }
  }));
});

describe('the guided tour', () => {
  it('takes seven steps with the numbers of this photo, by keyboard alone, in both languages', () => visit(async page => {
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
    assert.deepEqual(await lit(page), ['input']);

    await next(2);
    // 1 stem, 4 bottlenecks of 3 convolutions with a downsample each, and fc.
    assert.match(await words(), /^Step 2 of 7Forward.*18 layers with weights/);
    assert.equal((await captions(page, id('tour'))).length, 4);
    assert.deepEqual(await lit(page), ['conv1', 'maxpool', 'layer1', 'layer2', 'layer3', 'layer4']);
    assert.equal(await page.tab.$eval(id('tour-strip'), strip => strip.dataset.lit), 'conv1 → layer4');

    await next(3);
    assert.match(await words(), /Softmax makes probabilities/);
    const scores = await table(page);
    const best = await page.ranking();
    assert.deepEqual(scores.map(row => row.name), best.slice(0, 3).map(row => row.name));
    // Softmax as it is explained, on the scores that are shown.
    const [one, two] = scores;
    assert.ok(Math.abs(Math.exp(one.score - two.score) / (best[0].probability / best[1].probability) - 1) < 0.02);
    assert.deepEqual(await lit(page), ['avgpool', 'fc']);

    await next(4);
    assert.equal(number(/with ([\d,]+) numbers/.exec(await words())[1]), 512 * 3 * 4);
    assert.deepEqual(await lit(page), ['layer4', 'avgpool', 'fc']);
    assert.equal(await page.tab.$eval(id('tour-strip'), strip => strip.dataset.lit), 'fc → layer4', 'backward');

    await next(5);
    assert.deepEqual(await lit(page), ['layer4']);
    const weights = (await captions(page, id('tour'))).map(text => Number(/weight (.+)$/.exec(text)[1]));
    assert.deepEqual(weights, weights.toSorted((a, b) => b - a));
    assert.ok(weights[0] > 0);
    const [, positive, all] = /(\d+) of (\d+) weights are positive/.exec(await words()).map(Number);
    assert.ok(positive > 0 && positive < all && all === 512);

    await next(6);
    assert.deepEqual(await lit(page), ['input', 'layer4']);
    assert.deepEqual(await page.tab.$eval(`${id('tour')} canvas`, canvas => [canvas.width, canvas.height]), [4, 3]);
    assert.ok(await page.tab.$eval('input[name="view"][value="overlay"]', radio => radio.checked));
    const largest = Number(/the largest, ([\d.]+), becomes 1/.exec(await words())[1]);
    assert.ok(largest > 0);

    await page.click(id('language'));
    assert.match(await words(), /第 6 步，共 7 步/);
    await page.click(id('tour-next'));
    assert.match(await words(), /第 7 步，共 7 步.*三个问题/);
    assert.deepEqual(await lit(page), []);
    await page.click(id('tour-next'));
    assert.equal(await page.tab.$(id('tour')), null);
  }));

  it('ends with three questions, whose right answers are those of this run', () => visit(async page => {
    const answers = [];
    for (const [name, size] of [['wide', [200, 70]], ['tall', [70, 200]]]) {
      await page.look(scratch(`${name}.png`, photoPng(...size, size[0])));
      await page.click(id('tour-start'));
      const go = async step => {
        await page.click(id('tour-next'));
        await page.tab.waitForSelector(`${id('tour')}[data-step="${step}"]`);
      };
      await go(2);
      await go(3);
      const [one, two] = await table(page);
      for (const step of [4, 5, 6, 7]) await go(step);
      const asked = await page.tab.$$eval(`${id('tour-questions')} > li`, rows => rows.map(row => row.querySelector('p').textContent));
      assert.equal(asked.length, 3);

      // What the page shows elsewhere tells the right answers.
      const factor = Math.exp(one.score - two.score);
      const layer3 = size.map(side => Math.ceil(Math.ceil(Math.ceil(Math.ceil(side / 2) / 2) / 2) / 2));
      const strongest = /Strongest at (.+?);/.exec(await page.text(id('in-words')))[1];
      const wanted = [text => Math.abs(Number(text.split(' ')[0]) / factor - 1) < 0.05, text => text === `${layer3[0]} × ${layer3[1]}`, text => text === strongest];
      for (const [place, is] of wanted.entries()) {
        const row = `${id('tour-questions')} > li:nth-child(${place + 1})`;
        const choices = await page.tab.$$eval(`${row} button`, buttons => buttons.map(button => button.textContent));
        assert.equal(new Set(choices).size, choices.length);
        const right = choices.filter(is);
        assert.equal(right.length, 1, `${asked[place]} ${choices}`);
        // The wrong ones first.
        for (const choice of choices.toSorted((a, b) => is(a) - is(b))) {
          await page.tab.$$eval(`${row} button`, (buttons, choice) => buttons.find(button => button.textContent === choice).click(), choice);
          await page.painted();
          const verdict = await page.text(`${row} [role="status"]`);
          if (is(choice)) assert.match(verdict, /^Right\. .{30}/);
          else assert.ok(verdict.startsWith(`Not quite: ${right[0]}.`), verdict);
        }
        answers.push(right[0]);
      }
      await page.click(id('tour-next'));
    }
    assert.notEqual(answers[1], answers[4], 'another photo, another answer');
  }));

  it('has an address of its own for each step', () => visit(async page => {
    await page.click(id('sample-koala'));
    await page.reach('done');
    await page.click(id('tour-start'));
    await page.click(id('tour-next'));
    await page.click(id('tour-next'));
    await page.tab.waitForFunction(() => location.hash.includes('tour=scores'), { timeout: 10_000 });
    await page.tab.reload();
    await page.tab.waitForSelector(`${id('tour')}[data-step="3"] ${id('tour-scores')}`);
    await page.tab.keyboard.press('Escape');
    await page.tab.waitForFunction(tour => !document.querySelector(tour), {}, id('tour'));
    await page.tab.waitForFunction(() => !location.hash.includes('tour='), { timeout: 10_000 });
  }));

  it('starts without a photo, on the first sample', () => visit(async page => {
    await page.click(id('tour-start'));
    await page.tab.waitForFunction(status => document.querySelector(status).dataset.maps !== '0', {}, id('status'));
    await page.reach('done');
    assert.match(await page.text(id('tour-words')), /^Your photo, /);
  }));
});
