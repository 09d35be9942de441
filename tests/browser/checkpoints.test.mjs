// A visitor's own checkpoints: what the page says of them, and what can be changed.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { chromium, difference, id, open, scratch, serve, tinyModels, visitPage } from './support.mjs';
import { photoPng, safetensors, tinyResnet } from './tiny.mjs';

let browser, site;
const photo = scratch('photo.png', photoPng(120, 80));
before(async () => {
  browser = await chromium();
  site = await serve(tinyModels());
});
after(async () => {
  await browser?.close();
  await site?.close();
});

/** A safetensors file's tensors, as `safetensors` of tiny.mjs takes them. */
function tensors(file, prefix = '') {
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + length));
  return Object.entries(header).map(([name, { shape, data_offsets: [from, to] }]) => ({
    name: prefix + name, shape, bytes: file.subarray(8 + length + from, 8 + length + to),
  }));
}

const visit = (name, bytes, work) => visitPage(browser, site.url, async page => {
  await page.upload('weights-input', scratch(name, bytes));
  await page.tab.waitForFunction(select => document.querySelector(select).value === 'own', { timeout: 60_000 }, id('model-select'));
  await page.reach('ready');
  await page.look(photo);
  await work(page);
});

describe('a checkpoint', () => {
  it('with averaged weights beside the raw ones: it is said which were taken, and the others are a click away', () =>
    visit('both.safetensors', safetensors([...tensors(tinyResnet(7), 'model.'), ...tensors(tinyResnet(8), 'model_ema.')]), async page => {
      assert.match(await page.text(id('model-notes')), /several networks: `.*` was taken; there is also/);
      await page.click(id('language'));
      assert.match(await page.text(id('model-notes')), /文件里有几个网络/);
      await page.click(id('language'));
      const first = await page.ranking();
      const maps = await page.tab.$eval(id('status'), status => status.dataset.maps);
      await page.click(id('take-other'));
      await page.tab.waitForFunction((status, maps) => document.querySelector(status).dataset.maps !== maps, { timeout: 60_000 }, id('status'), maps);
      await page.reach('done');
      assert.notDeepEqual(await page.ranking(), first);
      assert.equal((await page.tab.$$(id('take-other'))).length, 1, 'and back again');
    }));

  it('of independent labels: a sigmoid for each score, in the list and in what is explained', () =>
    visit('labels.safetensors', tinyResnet(9), async page => {
      const sum = rows => rows.reduce((sum, { probability }) => sum + probability, 0);
      const shared = await page.ranking();
      assert.ok(sum(shared) <= 1);
      await page.select('objective', 'probability');
      const softmax = await page.pixels();
      await page.select('scores', '1');
      const own = await page.ranking();
      assert.deepEqual(own.map(row => row.class), shared.map(row => row.class), 'the order stays');
      assert.ok(sum(own) > sum(shared));
      assert.ok(own.every(({ probability }) => probability > 0 && probability < 1));
      assert.equal(await page.state(), 'done');
      await page.select('scores', '0');
      assert.deepEqual(await page.ranking(), shared);
      assert.equal(difference(await page.pixels(), softmax), 0);
    }));

  it('does not tell stride, dilation and epsilon: they can be set, and what is assumed is said', () =>
    visit('assumed.safetensors', tinyResnet(10), async page => {
      assert.match(await page.text(id('model-notes')), /Not told by the file, and assumed: strides in the 3×3/);
      const rank = async () => JSON.stringify((await page.ranking()).map(row => row.probability));
      const first = await rank();
      await page.select('stride-in', '1');
      assert.notEqual(await rank(), first);
      await page.select('stride-in', '0');
      assert.equal(await rank(), first);
      await page.tab.$eval(id('epsilon'), input => { input.value = '0.1'; input.dispatchEvent(new Event('change', { bubbles: true })); });
      await page.explained();
      assert.notEqual(await rank(), first);
      await page.tab.$eval(id('epsilon'), input => { input.value = '0.00001'; input.dispatchEvent(new Event('change', { bubbles: true })); });
      await page.explained();
      assert.equal(await rank(), first);
      // Dilated: the weights go up again, and the last layer has a finer grid.
      const caption = () => page.text(id('in-words'));
      assert.match(await caption(), /a map of 4 × 3 cells/);
      await page.select('output-stride', '1');
      await page.tab.waitForFunction(words => /a map of 8 × 5 cells/.test(document.querySelector(words).textContent), { timeout: 60_000 }, id('in-words'));
      await page.reach('done');
      assert.notEqual(await rank(), first);
    }));
});

it('another program’s file is named, and the button beside that opens weights', async () => {
  const page = await open(browser, site.url);
  await page.reach('ready');
  const onnx = Buffer.concat([Buffer.from([0x08, 0x08, 0x12, 0x07]), Buffer.from('pytorch'), Buffer.alloc(200, 1)]);
  await page.upload('weights-input', scratch('model.onnx', onnx));
  await page.reach('error');
  assert.match(await page.error(), /ONNX/);
  assert.equal(await page.text(id('another-file')), 'Open weights…');
  await page.click(id('language'));
  assert.match(await page.error(), /ONNX/);
  assert.match(await page.error(), /\p{Script=Han}{4}/u);
  await page.close();
});
