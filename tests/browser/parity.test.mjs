// The page against the native command, on the same photo and the same weights: one engine on two WebGPU stacks.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DIST, ROOT, SCRATCH, chromium, firefox, id, inEngine, native, open, scratch, serve, tinyModels } from './support.mjs';
import { photoPng, tensor, tinyResnet } from './tiny.mjs';

/** The 256 colours of jet: the first of the tables that the engine carries. */
const JET = fs.readFileSync(path.join(ROOT, 'src/image/colour_maps.bin')).subarray(0, 768);

/**
 * Two drivers add in different orders and round differently: 1e-3 in a probability is what issue and design allow,
 * measured differences are below 1e-5.
 */
const PROBABILITY = 1e-3;
/**
 * Indices into the colour table that a pixel may be off: u8(255·heat) is truncated, so the least rounding difference moves a
 * value at an edge by one. A pixel near an edge of the photo or of a cell has no other reason to differ.
 */
const INDEX = 1;

/** Fails unless every pixel of the heatmap view is the jet colour of the native heatmap's value there, ±INDEX. */
function compareHeatmap(pixels, tensors, what) {
  const { shape: [height, width], values } = tensor(tensors, 'heatmap');
  assert.deepEqual([pixels.height, pixels.width], [height, width], `${what}: this comparison needs a photo that is not scaled`);
  let worst = 0;
  let exact = 0;
  for (let at = 0; at < values.length; at++) {
    const index = Math.floor(255 * values[at]);
    const rgb = pixels.rgba.subarray(4 * at, 4 * at + 3);
    let off = 0;
    const isColour = place => place >= 0 && place < 256 && [0, 1, 2].every(c => JET[3 * place + c] === rgb[c]);
    while (off <= 8 && !isColour(index - off) && !isColour(index + off)) off++;
    worst = Math.max(worst, off);
    exact += off === 0;
  }
  assert.ok(worst <= INDEX, `${what}: a pixel is ${worst} colours off`);
  assert.ok(exact > 0.97 * values.length, `${what}: only ${exact} of ${values.length} pixels have the very colour`);
}

function compareTop(ranking, result, what) {
  const top = result.top5;
  assert.equal(ranking.length >= 5, true, what);
  for (const [place, { index, probability }] of top.entries()) {
    assert.equal(ranking[place].class, index, `${what}: place ${place + 1}`);
    const off = Math.abs(ranking[place].probability - probability);
    assert.ok(off <= PROBABILITY, `${what}: class ${index}: ${ranking[place].probability} in the page, ${probability} natively`);
  }
}

async function compare(page, weights, photo, cases, inPage = photo) {
  await page.look(inPage);
  await page.radio('input[name="view"][value="heatmap"]');
  for (const { place, layer, method = 'grad-cam' } of cases) {
    const klass = (await page.ranking())[place].class;
    await page.pick(klass);
    await page.select('layer-select', layer);
    await page.select('method-select', method);
    const what = `class ${klass}, ${layer}, ${method}`;
    const { result, tensors } = await native(weights, photo, ['--class', String(klass), '--layer', layer, '--method', method]);
    compareTop(await page.ranking(), result, what);
    compareHeatmap(await page.pixels(), tensors, what);
  }
}

for (const [name, launch] of [['Chromium', chromium], ['Firefox', firefox]]) {
  describe(`${name} against the native command`, () => {
    let browser;
    let site;
    before(async () => {
      browser = await launch();
      site = await serve(tinyModels());
    });
    after(async () => {
      await browser?.close();
      await site?.close();
    });

    it('a tiny network: classes, layers, methods', async () => {
      const page = await open(browser, site.url);
      await page.reach('ready');
      assert.ok(await page.tab.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())), 'no WebGPU adapter here');
      await compare(page, scratch('tiny.safetensors', tinyResnet()), scratch('photo.png', photoPng(117, 83)), [
        { place: 0, layer: 'layer4' },
        { place: 1, layer: 'layer4' },
        { place: 2, layer: 'layer2' },
        { place: 0, layer: 'layer1', method: 'layer-cam' },
        { place: 1, layer: 'layer3', method: 'grad-cam++' },
      ]);
      await page.close();
    });

    it('EfficientNet-Lite0 with its trained weights on the tutorial’s photo: classes, layers, methods', async () => {
      const built = await serve();
      const page = await open(browser, built.url);
      await page.reach('ready');
      const weights = path.join(ROOT, 'weights/efficientnet-lite0/efficientnet-lite0.safetensors');
      await compare(page, weights, path.join(ROOT, 'tests/golden/images/both.png'), [
        { place: 0, layer: 'head' },
        { place: 2, layer: 'head' },
        { place: 1, layer: 'blocks.4' },
        { place: 0, layer: 'blocks.2', method: 'layer-cam' },
      ]);
      await page.close();
      await built.close();
    });
  });
}

describe('the processor', () => {
  for (const relaxed of [true, false]) {
    it(`gives the native numbers ${relaxed ? 'with' : 'without'} relaxed SIMD`, async () => {
      const browser = await chromium();
      const site = await serve(tinyModels());
      try {
        const before = inEngine(relaxed => {
          if (!relaxed) WebAssembly.validate = () => false;
          self.kernels = 0;
          WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
            construct(real, options) {
              self.kernels++;
              return new real(...options);
            },
          });
        }, relaxed);
        const page = await open(browser, site.url, { before, shaders: false });
        await page.reach('ready');
        await compare(page, scratch('tiny.safetensors', tinyResnet()), scratch('photo.png', photoPng(117, 83)), [
          { place: 0, layer: 'layer4' },
          { place: 1, layer: 'layer1' },
        ]);
        assert.equal(await page.engine.get('kernels'), Number(relaxed), 'loaded once, if at all');
        await page.close();
      } finally {
        await browser.close();
        await site.close();
      }
    });
  }
});

describe('a full-size ResNet-50', () => {
  it('gives the native classes and maps on a real photo, in bearable time', async () => {
    const weights = path.join(SCRATCH, 'golden_f16.safetensors');
    execFileSync('cargo', ['run', '--quiet', '--example', 'golden_weights', '--', '--dtype', 'f16', '--out', weights], { cwd: ROOT });
    const photo = path.join(DIST, 'weights/samples/chelsea.jpg');
    const browser = await chromium();
    const site = await serve(tinyModels());
    try {
      const page = await open(browser, site.url);
      await page.reach('ready');
      await page.upload('weights-input', weights);
      await page.tab.waitForFunction(select => document.querySelector(select).value === 'own', { timeout: 60_000 }, id('model-select'));
      await page.reach('ready');
      assert.match(await page.text(id('architecture')), /ResNet-50.*1000 classes/);
      await compare(page, weights, photo, [{ place: 0, layer: 'layer4' }, { place: 3, layer: 'layer3.2' }]);

      // The promise is 15 s for a 224×224 input on two idle cores of SwiftShader, shaders compiled. A loaded machine gets
      // four times that before it fails.
      await page.select('fit-select', 'crop');
      await page.reach('done');
      await page.look(photo);
      const { forward, explain } = await page.elapsed();
      console.log(`full-size, 224×224, SwiftShader: ${forward} ms to the classes, ${explain} ms to the map`);
      assert.ok(Number(forward) + Number(explain) < 60_000);
      await page.close();
    } finally {
      await browser.close();
      await site.close();
    }
  });
});
