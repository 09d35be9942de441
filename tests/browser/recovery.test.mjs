// What can go wrong on the way, with a tiny network: files that are none, adapters that are absent or lost.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { DIST, chromium, difference, id, inEngine, open, scratch, serve, sha256, tinyModels, visitPage } from './support.mjs';
import { photoPng, tinyResnet } from './tiny.mjs';

let browser;
let site;
const photo = scratch('photo.png', photoPng(120, 80));
const other = scratch('other.png', photoPng(90, 110, 2));

before(async () => {
  browser = await chromium();
  site = await serve(tinyModels());
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const visit = (work, { at = site.url, ...options } = {}) => visitPage(browser, at, work, options);

describe('when something goes wrong', () => {
  for (const [what, name, bytes, sentence] of [
    ['text that calls itself a photo', 'letter.jpg', Buffer.from('Dear reader, this is no photo.'), /not an image/],
    ['a photo cut short', 'half.png', photoPng(120, 80).subarray(0, 400), /damaged|ends too early/],
    ['an empty file', 'empty.png', Buffer.alloc(0), /not an image|empty/],
    ['a drawing in SVG', 'drawing.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /not an image/],
    ['a photo of a few pixels', 'dot.png', photoPng(8, 8), /8×8/],
  ]) {
    it(`${what}: a sentence, and the page goes on`, () => visit(async page => {
      await page.look(photo);
      await page.look(scratch(name, bytes));
      assert.equal(await page.state(), 'error');
      assert.match(await page.error(), sentence);
      await page.click(id('language'));
      assert.match(await page.error(), /\p{Script=Han}{4}/u, 'the sentence in Chinese');
      await page.look(other);
      assert.equal(await page.state(), 'done');
      assert.equal(await page.error(), '');
    }));
  }

  for (const [what, name, bytes, sentence] of [
    ['text that calls itself weights', 'letter.safetensors', Buffer.from('Dear reader, these are no weights.'), /not a checkpoint/],
    ['weights cut short', 'half.safetensors', tinyResnet().subarray(0, 100_000), /checkpoint|tensor/],
    ['no PyTorch file', 'letter.pth', Buffer.from('Dear reader, these are no weights either.'), /checkpoint|PyTorch/],
  ]) {
    it(`${what}: a sentence, and the former model stays`, () => visit(async page => {
      await page.look(photo);
      await page.upload('weights-input', scratch(name, bytes));
      await page.reach('error');
      assert.match(await page.error(), sentence);
      assert.equal(await page.tab.$eval(id('model-select'), select => select.value), 'tiny');
      await page.click(id('dismiss'));
      await page.pick((await page.ranking())[2].class);
      assert.equal(await page.state(), 'done');
    }));
  }

  it('a shipped file that was altered is not used', async () => {
    const files = tinyModels({ sha256: sha256('something else') });
    const altered = await serve(files);
    await visit(async page => {
      assert.match(await page.error(), /checksum differs/);
      await page.upload('weights-input', scratch('mine.safetensors', tinyResnet()));
      await page.reach('ready');
      await page.look(photo);
      assert.equal(await page.state(), 'done');
    }, { at: altered.url, state: 'error' }).finally(altered.close);
  });

  it('no list of models: a sentence, a retry, and own weights work', async () => {
    const files = { ...tinyModels(), 'weights/models.json': null };
    const bare = await serve(files);
    await visit(async page => {
      assert.match(await page.error(), /models\.json/);
      files['weights/models.json'] = tinyModels()['weights/models.json'];
      await page.click(id('retry'));
      await page.reach('ready');
    }, { at: bare.url, state: 'error' }).finally(bare.close);
  });

  it('without WebGPU the processor computes the same picture, and the page says why', async () => {
    let expected;
    await visit(async page => {
      await page.look(photo);
      expected = { ranking: await page.ranking(), pixels: await page.pixels() };
    });
    await visit(async page => {
      assert.match(await page.text(id('refused')), /no WebGPU.*processor/);
      assert.match(await page.text(id('adapter')), /processor/);
      await page.look(photo);
      assert.deepEqual((await page.ranking()).map(entry => entry.class), expected.ranking.map(entry => entry.class));
      assert.ok(difference(await page.pixels(), expected.pixels) < 0.5, 'the picture of the graphics adapter');
      await page.click(id('language'));
      assert.match(await page.text(id('refused')), /没有 WebGPU.*处理器/);
    }, {
      before: inEngine(() => Object.defineProperty(WorkerNavigator.prototype, 'gpu', { get: () => undefined })),
    });
  });

  it('no adapter at first: the processor computes until “Try again” finds one, and the photo is kept', () => visit(async page => {
    assert.match(await page.text(id('refused')), /adapter/);
    await page.look(photo);
    const onProcessor = await page.pixels();
    await page.engine.set({ hideAdapter: false });
    await page.click(id('use-gpu'));
    await page.tab.waitForFunction(adapter => !/processor/.test(document.querySelector(adapter)?.textContent ?? 'processor'), {}, `${id('adapter')} span`);
    await page.reach('done');
    assert.equal((await page.ranking()).length, 5);
    assert.ok(difference(await page.pixels(), onProcessor) < 0.5);
  }, {
    before: inEngine(() => {
      self.hideAdapter = true;
      const real = GPU.prototype.requestAdapter;
      GPU.prototype.requestAdapter = function (...options) { return self.hideAdapter ? Promise.resolve(null) : real.apply(this, options); };
    }),
  }));

  it('beside an adapter that is software the processor computes, until the visitor wants WebGPU all the same', () => visit(async page => {
    const adapter = id('adapter');
    assert.match(await page.text(adapter), /processor.*faster than software WebGPU/s);
    assert.equal(await page.tab.$(id('refused')), null, 'nothing went wrong');
    await page.look(photo);
    const onProcessor = await page.pixels();
    await page.click(id('rather-adapter'));
    await page.tab.waitForFunction(adapter => !/processor/.test(document.querySelector(adapter)?.textContent ?? 'processor'), {}, `${adapter} span`);
    await page.reach('done');
    assert.ok(difference(await page.pixels(), onProcessor) < 0.5);
    await page.tab.reload();
    await page.reach('ready');
    assert.doesNotMatch(await page.text(`${adapter} span`), /processor/, 'the wish is kept');
  }, { shaders: false }));

  it('the processor can be chosen, and left again', () => visit(async page => {
    await page.look(photo);
    const onGpu = await page.pixels();
    const flip = async processor => {
      await page.tab.$eval(id('processor'), box => box.click());
      await page.tab.waitForFunction((adapter, processor) => /processor/.test(document.querySelector(adapter)?.textContent) === processor, {}, `${id('adapter')} span`, processor);
      await page.reach('done');
      assert.ok(difference(await page.pixels(), onGpu) < 0.5);
    };
    await page.click(id('rather-processor')); // beside the name of an adapter that is software
    await page.tab.waitForFunction(adapter => /processor/.test(document.querySelector(adapter)?.textContent ?? 'processor'), {}, `${id('adapter')} span`);
    await page.reach('done');
    await flip(false);
    await flip(true);
    assert.equal(await page.tab.$(id('refused')), null, 'it was the visitor’s wish');
    await flip(false);
  }));

  it('a lost device: a sentence, “Try again”, and photo, class and layer are still there', () => visit(async page => {
    await page.look(photo);
    const klass = (await page.ranking())[1].class;
    await page.pick(klass);
    await page.select('layer-select', 'layer3');
    const map = await page.pixels();
    await page.engine.call('loseDevices');
    await page.click(`${id('top-k')} [data-class="${klass}"] button`);
    await page.reach('error');
    assert.match(await page.error(), /lost/);
    await page.click(id('retry'));
    await page.reach('done');
    assert.equal((await page.ranking())[1].class, klass);
    assert.ok((await page.ranking())[1].pressed);
    assert.equal(difference(await page.pixels(), map), 0, 'the same picture as before');
  }, {
    before: inEngine(),
  }));

  it('a program that does not arrive leaves a sentence, not a blank page', async () => {
    const wasm = fs.readdirSync(DIST).find(name => name.endsWith('.wasm'));
    const broken = await serve({ [wasm]: null });
    const page = await open(browser, broken.url);
    await page.tab.waitForFunction(() => document.querySelector('.crash').offsetHeight > 0, { timeout: 20_000 });
    assert.match(await page.text('.crash'), /Reload.*重新加载/s);
    await page.context.close();
    await broken.close();
  });
});
