// Looking closer, with the small network and the two photos that grad-cam's own results are stored for: tests/golden/small.safetensors.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT, chromium, id, keepDownloads, open, scratch, serve, tinyModels } from './support.mjs';
import { png, safetensors, tensor } from './tiny.mjs';

const GOLDEN = fs.readFileSync(path.join(ROOT, 'tests/golden/small.safetensors'));
const HEADER = JSON.parse(GOLDEN.subarray(8, 8 + Number(GOLDEN.readBigUInt64LE())));
const CLASSES = JSON.parse(HEADER.__metadata__.classes);
const JET = fs.readFileSync(path.join(ROOT, 'src/image/colour_maps.bin')).subarray(0, 768);

const bytes = name => {
  const [from, to] = HEADER[name].data_offsets;
  const start = 8 + Number(GOLDEN.readBigUInt64LE());
  return GOLDEN.subarray(start + from, start + to);
};
const weights = () => scratch('small.safetensors', safetensors(Object.keys(HEADER)
  .filter(name => name.startsWith('net/'))
  .map(name => ({ name: name.slice(4), shape: HEADER[name].shape, bytes: bytes(name) }))));
const photo = name => {
  const [height, width] = HEADER[`${name}/image`].shape;
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) bytes(`${name}/image`).copy(rows, y * (1 + 3 * width) + 1, y * 3 * width, (y + 1) * 3 * width);
  return scratch(`${name}.png`, png(width, height, rows));
};

const METHODS = {
  'grad-cam': 'GradCAM', 'grad-cam++': 'GradCAMPlusPlus', 'xgrad-cam': 'XGradCAM', 'hires-cam': 'HiResCAM',
  'grad-cam-elementwise': 'GradCAMElementWise', 'layer-cam': 'LayerCAM', 'eigen-cam': 'EigenCAM', 'eigen-grad-cam': 'EigenGradCAM',
};
const SLOW = { 'ablation-cam': 'AblationCAM', 'score-cam': 'ScoreCAM' };
const LAYERS = ['layer2', 'layer3', 'layer4'];

/**
 * Fails unless every pixel is the colour of the heatmap there over the photo, as `heatmap::blend` mixes them: off by what the next
 * index of the colour table gives, since u8(255·heat) is truncated and rounding moves a value at an edge by one.
 */
function compareMap({ width, rgba }, heat, rgb, opacity, what) {
  const over = Math.round(256 * opacity);
  let exact = 0;
  for (let at = 0; at < heat.length; at++) {
    const index = Math.floor(255 * heat[at]);
    const off = Math.min(...[index, index - 1, index + 1].filter(i => i >= 0 && i < 256).map(i => Math.max(...[0, 1, 2].map(c =>
      Math.abs(((rgb[3 * at + c] * (256 - over) + JET[3 * i + c] * over + 128) >> 8) - rgba[4 * at + c])))));
    assert.equal(off, 0, `${what}: pixel ${at % width}, ${Math.floor(at / width)}`);
    exact += Math.max(...[0, 1, 2].map(c => Math.abs(((rgb[3 * at + c] * (256 - over) + JET[3 * index + c] * over + 128) >> 8) - rgba[4 * at + c]))) === 0;
  }
  assert.ok(exact > 0.97 * heat.length, `${what}: only ${exact} of ${heat.length} pixels have the very colour`);
}

/** As tests/small.rs: both sides are rounded f32 of the same formulas, f64 there, and measure below 2e-5. */
function compareNumbers(found, expected, what) {
  assert.equal(found.length, expected.length, what);
  const length = values => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const error = length([...found].map((value, at) => value - expected[at])) / length([...expected]);
  assert.ok(error <= 1e-4, `${what}: error ${error}`);
}

const scale = values => {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values.map(value => (value - least) / (1e-7 + most - least));
};

/** Bilinear with half-pixel centres: [h, w] to [height, width]. */
function stretch(values, [h, w], [height, width]) {
  const between = (at, size, of) => {
    const place = Math.min(Math.max((at + 0.5) * size / of - 0.5, 0), size - 1);
    return [Math.floor(place), Math.min(Math.floor(place) + 1, size - 1), place % 1];
  };
  return Array.from({ length: height * width }, (_, at) => {
    const [top, bottom, down] = between(Math.floor(at / width), h, height);
    const [left, right, over] = between(at % width, w, width);
    const row = y => values[y * w + left] * (1 - over) + values[y * w + right] * over;
    return row(top) * (1 - down) + row(bottom) * down;
  });
}

/** What grad-cam makes of a raw map [h, w]: ReLU, scaled, stretched, scaled again, [height, width]. */
const heatmap = (raw, from, to) => scale(stretch(scale([...raw].map(value => Math.max(value, 0))), from, to));

describe('looking closer', () => {
  let browser;
  let site;
  let page;
  before(async () => {
    browser = await chromium();
    site = await serve(tinyModels());
    page = await open(browser, site.url, { before: keepDownloads });
    await page.reach('ready');
    await page.upload('weights-input', weights());
    await page.tab.waitForFunction(select => document.querySelector(select).value === 'own', { timeout: 60_000 }, id('model-select'));
    await page.reach('ready');
  });
  after(async () => {
    await page?.close();
    await browser?.close();
    await site?.close();
  });

  /** Another map of the picture: while panels compute, the page is “done” with the former one. */
  const choose = async (name, value) => {
    const before = await page.tab.$eval(id('status'), status => status.dataset.maps);
    await page.tab.select(id(name), value);
    await page.tab.waitForFunction((status, before) => document.querySelector(status).dataset.maps !== before, { timeout: 60_000 }, id('status'), before);
    await page.reach('done');
    await page.painted();
  };
  const panel = async name => {
    await page.tab.$eval(id('closer'), details => { details.open = true; });
    await page.tab.$eval(`input[name="panel"][value="${name}"]`, radio => radio.click());
    await page.tab.waitForSelector(`${id('panel')}[data-panel="${name}"]`);
    await idle();
  };
  /** Nothing is being computed, and what was has been painted. */
  const idle = async () => {
    await page.painted();
    await page.tab.waitForSelector(`${id('panel')}[aria-busy="false"]`, { timeout: 120_000 });
    await page.painted();
  };
  const click = async name => {
    await page.tab.$eval(id(name), button => button.click());
    await idle();
  };
  const figures = () => page.tab.$$eval(`${id('panel')} figure[data-what]`, all => all.map(figure => ({
    what: figure.dataset.what, caption: figure.querySelector('figcaption').textContent.trim(),
  })));
  const figure = async what => {
    const { width, height, base64 } = await page.tab.$eval(`${id('panel')} figure[data-what="${what}"] canvas`, canvas => {
      const { width, height } = canvas;
      return { width, height, base64: btoa(String.fromCharCode(...canvas.getContext('2d').getImageData(0, 0, width, height).data)) };
    });
    return { width, height, rgba: Buffer.from(base64, 'base64') };
  };
  const text = name => page.tab.$eval(id(name), element => element.textContent);

  /** The map's own numbers, as the page exports them. */
  const raw = async () => {
    const { bytes } = await page.saved(() => page.tab.$eval(id('out-raw'), button => button.click()));
    const length = 10 + bytes.readUInt16LE(8);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + length, bytes.byteOffset + bytes.length));
  };

  it('methods and questions at layers 2 to 4 on two photos give the numbers and pictures of grad-cam', async () => {
    let compared = 0;
    for (const p of ['a', 'b']) {
      await page.look(photo(p));
      await page.radio('input[name="view"][value="heatmap"]');
      assert.equal((await page.ranking())[0].class, CLASSES[p][0]);
      const rgb = bytes(`${p}/image`);
      const [height, width] = HEADER[`${p}/image`].shape;
      for (const layer of LAYERS) {
        await choose('layer-select', layer);
        for (const [method, name] of Object.entries(METHODS)) {
          await choose('method-select', method);
          const what = `${p} ${method} ${layer}`;
          const expected = tensor(GOLDEN, `${p}/method/${name}/${layer}/raw`);
          const found = await raw();
          const agreement = found.reduce((sum, value, at) => sum + value * expected.values[at], 0);
          // A principal component has no sign of its own: NumPy's may be the other one, and the picture is then that of the rest.
          const turned = name.startsWith('Eigen') && agreement < 0;
          compareNumbers(found, expected.values.map(value => turned ? -value : value), what);
          const { values } = tensor(GOLDEN, `${p}/method/${name}/${layer}/cam`);
          const heat = turned ? heatmap(found, expected.shape, [height, width]) : values;
          compareMap(await page.pixels(), heat, rgb, 1, what);
          compared++;
        }
        await choose('method-select', 'grad-cam');
        for (const target of ['probability', 'contrast', 'against']) {
          await choose('objective', target);
          compareNumbers(await raw(), tensor(GOLDEN, `${p}/target/${target}/${layer}/raw`).values, `${p} ${target} ${layer}`);
          compared++;
        }
        await choose('objective', 'logit');
      }
    }
    assert.equal(compared, 2 * 3 * (8 + 3));
    await page.radio('input[name="view"][value="overlay"]');
  });

  it('slow methods tell what they cost and give the pictures of grad-cam', async () => {
    await panel('methods');
    assert.equal((await page.tab.$$(`${id('panel')} .analysis-methods a[href^="https://"]`)).length, 23);
    for (const p of ['a', 'b']) {
      await page.look(photo(p));
      await page.tab.select(id('slow-channels'), '0');
      for (const [method, name] of Object.entries(SLOW)) {
        await page.tab.select(id('slow-method'), method);
        for (const layer of LAYERS) {
          await choose('layer-select', layer);
          await idle();
          assert.match(await text('recommended'), /^At a layer like this one .+ does best: hottest on the object in \d+ of 100 maps\.$/);
          await click('estimate');
          assert.match(await text('estimated'), new RegExp(`^${{ layer2: 64, layer3: 128, layer4: 256 }[layer]} passes, about \\d+ s`));
          await click('slow-start');
          const map = await figure(`${CLASSES[p][0]} logit ${layer} ${method}`);
          compareMap(map, tensor(GOLDEN, `${p}/method/${name}/${layer}/cam`).values, bytes(`${p}/image`), 0.6, `${p} ${method} ${layer}`);
        }
      }
    }
    await page.tab.select(id('slow-channels'), '16');
    await click('estimate');
    assert.match(await text('estimated'), /^16 passes/);
  });

  it('all stages at once, any block beside them, and fused as grad-cam fuses them', async () => {
    await panel('layers');
    const names = async () => (await figures()).map(({ caption }) => caption);
    assert.deepEqual(await names(), ['layer1', 'layer2', 'layer3', 'layer4', 'layer1 + layer2 + layer3 + layer4: their mean']);
    const top = CLASSES.b[0];
    for (const layer of LAYERS) {
      const map = await figure(`${top} logit ${layer} grad-cam`);
      compareMap(map, tensor(GOLDEN, `b/method/GradCAM/${layer}/cam`).values, bytes('b/image'), 0.6, layer);
    }
    // A single block, as any of the network's may be; this network's stages have one each, which is the stage itself.
    const offered = await page.tab.$$eval(`${id('add-block')} option`, options => options.map(option => option.value));
    assert.deepEqual(offered, ['', 'layer1.0', 'layer2.0', 'layer3.0', 'layer4.0']);
    for (const stage of ['layer1', 'layer2']) await click(`fuse-${stage}`);
    await page.tab.select(id('add-block'), 'layer2.0');
    await idle();
    assert.deepEqual(await names(), ['layer1', 'layer2.0', 'layer2', 'layer3', 'layer4', 'layer2.0 + layer3 + layer4: their mean']);
    const fused = tensor(GOLDEN, 'b/fused/GradCAM/cam').values;
    compareMap(await figure(`${top} logit layer2.0+layer3+layer4 grad-cam`), fused, bytes('b/image'), 0.6, 'fused with a block');
    await click('fuse-layer2.0');
    await click('fuse-layer2');
    // The three that grad-cam fused, chosen, and then on the picture itself by every method.
    compareMap(await figure(`${top} logit layer2+layer3+layer4 grad-cam`), fused, bytes('b/image'), 0.6, 'fused');
    const before = await page.tab.$eval(id('status'), status => status.dataset.maps);
    await page.tab.$eval(id('fuse'), button => button.click());
    await page.tab.waitForFunction((status, before) => document.querySelector(status).dataset.maps !== before, {}, id('status'), before);
    await page.reach('done');
    assert.equal(await page.tab.$eval(id('layer-select'), select => select.value), 'layer2+layer3+layer4');
    await page.radio('input[name="view"][value="heatmap"]');
    for (const [method, name] of Object.entries(METHODS).filter(([, name]) => !name.startsWith('Eigen'))) {
      await choose('method-select', method);
      compareMap(await page.pixels(), tensor(GOLDEN, `b/fused/${name}/cam`).values, bytes('b/image'), 1, `fused, ${method}`);
    }
    await choose('method-select', 'grad-cam');
    await page.radio('input[name="view"][value="overlay"]');
    // A slow method goes through all of them, and says so before.
    await panel('methods');
    await page.tab.select(id('slow-method'), 'ablation-cam');
    await page.tab.select(id('slow-channels'), '0');
    assert.equal(await text('recommended'), '', 'nothing was measured of fused layers');
    await click('estimate');
    assert.match(await text('estimated'), /^448 passes/);
    await click('slow-start');
    compareMap(await figure(`${top} logit layer2+layer3+layer4 ablation-cam`), tensor(GOLDEN, 'b/fused/AblationCAM/cam').values, bytes('b/image'), 0.6, 'fused, ablation-cam');
  });

  it('other questions about the same class', async () => {
    await choose('layer-select', 'layer3');
    await panel('targets');
    let found = await figures();
    const [top, second] = CLASSES.b;
    assert.deepEqual(found.map(({ what }) => what), ['logit', 'probability', 'contrast', 'against'].map(target => `${top} ${target} layer3 grad-cam`));
    assert.match(found[2].caption, /^contrast with /);
    assert.equal(await page.tab.$eval(id('than'), select => Number(select.value)), second);
    const before = await figure(`${top} contrast layer3 grad-cam`);
    const other = await page.tab.$eval(id('than'), select => [...select.options].at(-1).value);
    await page.tab.select(id('than'), other);
    await idle();
    found = await figures();
    assert.equal(found.length, 4);
    assert.notDeepEqual((await figure(`${top} contrast layer3 grad-cam`)).rgba, before.rgba);
    assert.notDeepEqual((await figure(`${top} against layer3 grad-cam`)).rgba, (await figure(`${top} logit layer3 grad-cam`)).rgba);
  });

  it('asks the picture itself another question', async () => {
    await choose('layer-select', 'layer3');
    await page.painted();
    const score = await page.pixels();
    for (const target of ['probability', 'contrast', 'against']) {
      await choose('objective', target);
      await page.painted();
      const map = await page.pixels();
      assert.notDeepEqual(map.rgba, score.rgba, target);
      await panel('targets');
      const shown = (await figures()).find(({ what }) => what.split(' ')[1] === target);
      assert.ok(shown, target);
      assert.match(await text('in-words'), { probability: /probability/, contrast: /contrast with/, against: /counter-evidence/ }[target]);
    }
    await choose('objective', 'contrast');
    await page.painted();
    const before = await page.pixels();
    const other = await page.tab.$eval(id('rather-than'), select => select.options[0].value);
    await choose('rather-than', other);
    await page.painted();
    assert.notDeepEqual((await page.pixels()).rgba, before.rgba);
    await choose('objective', 'logit');
    await page.painted();
    assert.deepEqual((await page.pixels()).rgba, score.rgba);
    assert.equal(await page.tab.$(id('rather-than')), null);
  });

  it('compares classes, layers and methods, on one scale or each on its own', async () => {
    await panel('compare');
    assert.equal((await figures()).length, 12);
    const what = `${CLASSES.b[0]} logit layer3 grad-cam`;
    const own = (await figure(what)).rgba;
    await page.tab.$eval(id('one-scale'), box => box.click());
    await page.painted();
    assert.notDeepEqual((await figure(what)).rgba, own);
    await page.tab.$eval(id('one-scale'), box => box.click());
    await page.painted();
    assert.deepEqual((await figure(what)).rgba, own);
    // Under headings, so that a caption says only what differs below its own.
    const read = () => page.tab.$$eval(`${id('panel')} .picture-grid > *`, parts => parts.map(part => part.matches('h3, h4')
      ? `${part.tagName} ${part.textContent}` : part.querySelector('figcaption').textContent.trim()));
    const classes = (await page.ranking()).slice(0, 3).map(({ name }) => `H3 ${name}`);
    const layers = ['layer1', 'layer2', 'layer3', 'layer4'];
    // The eight that the grids have, in their order.
    const names = await page.tab.$$eval(`${id('method-select')} option`, options =>
      Object.fromEntries(options.map(option => [option.value, option.textContent.trim()])));
    const methods = Object.keys(METHODS).map(method => names[method]);
    assert.deepEqual(await read(), classes.flatMap(name => [name, ...layers]));
    for (const [axes, cells, expected] of [
      ['classes-methods', 24, classes.flatMap(name => [name, ...methods])],
      ['methods-layers', 32, methods.flatMap(method => [`H3 ${method}`, ...layers])],
      ['all', 96, classes.flatMap(name => [name, ...layers.flatMap(layer => [`H4 ${layer}`, ...methods])])],
    ]) {
      await page.tab.$eval(`input[name="axes"][value="${axes}"]`, radio => radio.click());
      await idle();
      assert.equal((await figures()).length, cells, axes);
      assert.deepEqual(await read(), expected, axes);
    }
  });

  it('fine detail: guided backpropagation, byte for byte but for rounding', async () => {
    await choose('layer-select', 'layer4');
    await panel('detail');
    for (const [what, name] of [['guided', 'backprop_u8'], ['guided-cam', 'gradcam_u8']]) {
      const { rgba } = await figure(what);
      const expected = bytes(`b/guided/${name}`);
      for (let at = 0; at < expected.length; at++) {
        assert.ok(Math.abs(rgba[4 * Math.floor(at / 3) + at % 3] - expected[at]) <= 1, `${what}: byte ${at}`);
      }
    }
  });

  it('boxes the region, compares it with a drawn box, and covers it up', async () => {
    await panel('where');
    const box = () => page.tab.$eval(id('found'), found => found.getAttribute('d'));
    const wide = await box();
    assert.match(wide, /^M\d+ \d+h\d+v\d+h-\d+z$/);
    await page.tab.$eval(id('share'), slider => {
      slider.value = 0.8;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await page.painted();
    assert.notEqual(await box(), wide);
    await page.tab.$eval(id('draw'), area => area.scrollIntoView({ block: 'center', behavior: 'instant' }));
    await page.painted();
    const { x, y, width, height } = await (await page.tab.$(id('draw'))).boundingBox();
    assert.ok(width > 100);
    // Inside the rounded corners, which Firefox leaves to what lies below.
    await page.tab.mouse.move(x + 5, y + 5);
    await page.tab.mouse.down();
    await page.tab.mouse.move(x + width / 2, y + height / 2);
    await page.tab.mouse.move(x + width - 5, y + height - 5);
    await page.tab.mouse.up();
    await page.painted();
    // Nearly the whole photo: the hottest point and nearly all heat lie in it.
    assert.match(await text('agreement'), /^Overlap \(IoU\) 0\.\d\d · the hottest point lies inside · (8\d|9\d|100) % of the heat/);
    // The same by keyboard.
    const typed = async (side, value) => {
      await page.tab.$eval(id(`box-${side}`), (input, value) => {
        input.value = value;
        input.dispatchEvent(new Event('change', { bubbles: true }));
      }, value);
      await page.painted();
    };
    for (const [side, value] of [['left', 0], ['top', 0], ['width', 3], ['height', 3]]) await typed(side, value);
    assert.match(await text('agreement'), /^Overlap \(IoU\) 0\.0\d · the hottest point lies outside · [0-4] % of the heat/);
    await typed('width', 99_999);
    const whole = await page.tab.$eval(id('box-width'), input => input.valueAsNumber);
    assert.equal(whole, HEADER['b/image'].shape[1], 'no wider than the photo');
    await click('cover');
    const [first, then] = await figures();
    assert.match(first.caption, /^Before: .* \d+ %/);
    assert.match(then.caption, /^Covered: .* \d+ %/);
    assert.notDeepEqual((await figure('after')).rgba, (await figure('before')).rgba);
  });

  it('takes the last layer apart into concepts, named and painted as scikit-learn and PyTorch have them', async () => {
    const CONCEPTS = fs.readFileSync(path.join(ROOT, 'tests/golden/concepts.safetensors'));
    const [maps, logits] = ['maps', 'logits'].map(name => tensor(CONCEPTS, `small/${name}`));
    await page.look(photo('a'));
    await panel('concepts');
    assert.equal((await page.tab.$$(`${id('concepts')} li`)).length, 5, 'as many as grad-cam has');
    await page.tab.select(id('concept-count'), '3');
    await idle();
    const legend = await page.tab.$$eval(`${id('concepts')} li`, rows => rows.map(row => ({
      text: row.textContent.trim(), colour: getComputedStyle(row.querySelector('span')).backgroundColor.match(/\d+/g).map(Number),
    })));
    assert.equal(legend.length, 3);
    const classes = logits.shape[1];
    for (const [n, { text }] of legend.entries()) {
      const own = [...logits.values.slice(n * classes, (n + 1) * classes)];
      const total = own.reduce((sum, value) => sum + Math.exp(value), 0);
      const best = own.map((value, class_) => [class_, 100 * Math.exp(value) / total]).sort((a, b) => b[1] - a[1]).slice(0, 2);
      const found = [...text.matchAll(/(\d+) \((\d+) %\)/g)].map(match => [Number(match[1]), Number(match[2])]);
      assert.deepEqual(found.map(([class_]) => class_), best.map(([class_]) => class_), text);
      found.forEach(([, percent], at) => assert.ok(Math.abs(percent - best[at][1]) <= 0.51, `${text} instead of ${best}`));
    }
    // Each pixel: 70 % of the strongest concept's colour where that is at its strongest.
    const { width, height, rgba } = await figure('concepts');
    const [, h, w] = maps.shape;
    const rgb = bytes('a/image');
    const heats = legend.map((_, n) => stretch(scale([...maps.values.slice(n * h * w, (n + 1) * h * w)]), [h, w], [height, width]));
    let right = 0;
    for (let at = 0; at < width * height; at++) {
      const strongest = heats.reduce((best, heat, n) => heat[at] > heats[best][at] ? n : best, 0);
      const share = 0.7 * heats[strongest][at];
      right += [0, 1, 2].every(c => Math.abs(rgb[3 * at + c] * (1 - share) + legend[strongest].colour[c] * share - rgba[4 * at + c]) <= 1);
    }
    assert.ok(right > 0.98 * width * height, `only ${right} of ${width * height} pixels are as they should be`);
    await page.look(photo('b'));
    await idle();
    assert.equal((await page.tab.$$(`${id('concepts')} li`)).length, 3, 'the number stays');
  });

  it('says in words what speaks for the class', async () => {
    await panel('words');
    assert.match(await text('sentence'), /support for “.+” comes from neurons that also support .+\. Evidence against it comes from neurons that support .+\./);
    assert.equal((await figures()).length, 8);
    await page.tab.$eval(id('language'), button => button.click());
    await page.painted();
    assert.match(await text('sentence'), /^这里支持“.+”的主要是同时支持.+的神经元。反面证据来自支持.+的神经元。$/);
    await page.tab.$eval(id('language'), button => button.click());
  });

  it('checks the map, and shows the curves', async () => {
    await panel('trust');
    assert.match(await text('trust-cost'), /^53 passes, about \d+ s\.$/);
    await click('trust');
    assert.match(await text('drop'), /With only the warm places left/);
    assert.match(await text('road'), /^ROAD score -?0\.\d\d/);
    // The area under the curve that grad-cam's own photos give.
    const { values } = tensor(GOLDEN, 'b/trust/deletion');
    const area = values.reduce((sum, p, n) => sum + p * (n === 0 || n === 16 ? 0.5 : 1), 0) / 16;
    const told = await page.tab.$eval(`${id('curves')} svg`, svg => svg.getAttribute('aria-label'));
    assert.ok(Math.abs(Number(told.match(/hottest removed first: ([\d.]+)/)[1]) - area) < 0.01, `${told}, ${area}`);
    assert.equal((await page.tab.$$eval(`${id('curves')} path[d^="M"]`, paths => paths.filter(path => path.getAttribute('d').includes('L')).length)), 4);
    await click('sanity');
    assert.deepEqual((await figures()).map(({ what }) => what), ['fc', 'layer4', 'layer3', 'layer2', 'layer1', 'conv1'].map(part => `scrambled ${part}`));
    assert.match(await text('sanity-verdict'), /randomized/);
    const curves = await page.tab.$$eval(`${id('sanity-curves')} path[d*="L"]`, paths => paths.map(path => path.getAttribute('d').split('L').length));
    assert.deepEqual(curves, [7, 7], 'the whole network and six parts');
    assert.match(await page.tab.$eval(`${id('sanity-curves')} svg`, svg => svg.getAttribute('aria-label')), /rank correlation at the end: -?0\.\d\d, .*SSIM.*: -?0\.\d\d/);
  });

  it('can be stopped, and the photo is as it was', async () => {
    const before = await page.pixels();
    // At once: all of it is a matter of some hundred milliseconds here.
    await page.tab.evaluate(async (start, stop) => {
      document.querySelector(start).click();
      while (!document.querySelector(stop)) await new Promise(resolve => setTimeout(resolve));
      document.querySelector(stop).click();
    }, id('trust'), id('closer-stop'));
    await idle();
    assert.match(await text('closer-progress'), /Stopped before the end/);
    await choose('layer-select', 'layer2');
    await choose('layer-select', 'layer4');
    assert.deepEqual((await page.pixels()).rgba, before.rgba);
  });

  it('swipes between any two pictures', async () => {
    await panel('swipe');
    const side = async which => {
      const [canvas] = await page.tab.$$(`${id('panel')} .analysis-swipe canvas${which === 'left' ? ':not([data-testid])' : id('swiped')}`);
      const { width, height, base64 } = await canvas.evaluate(canvas => {
        const { width, height } = canvas;
        return { width, height, base64: btoa(String.fromCharCode(...canvas.getContext('2d').getImageData(0, 0, width, height).data)) };
      });
      return { width, height, rgba: Buffer.from(base64, 'base64') };
    };
    const { rgba } = await side('left');
    bytes('b/image').forEach((value, at) => assert.equal(rgba[4 * Math.floor(at / 3) + at % 3], value, 'the photo'));
    const shown = await page.tab.$eval(id('opacity'), slider => slider.valueAsNumber);
    for (const [which, layer] of [['left', 'layer2'], ['right', 'layer3']]) {
      const place = await page.tab.$eval(id(which), (select, layer) => [...select.options].find(option => option.textContent === layer).value, layer);
      await page.tab.select(id(which), place);
      await idle();
    }
    for (const [which, layer] of [['left', 'layer2'], ['right', 'layer3']]) {
      compareMap(await side(which), tensor(GOLDEN, `b/method/GradCAM/${layer}/cam`).values, bytes('b/image'), shown, which);
    }
    const clip = () => page.tab.$eval(id('swiped'), canvas => canvas.style.clipPath);
    const before = await clip();
    await page.tab.$eval(id('swipe'), slider => {
      slider.value = 0.9;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await page.painted();
    assert.notEqual(await clip(), before);
    assert.match(await clip(), /90/);
  });

  it('stays closed until it is wanted', async () => {
    const fresh = await open(browser, site.url);
    await fresh.reach('ready');
    assert.equal(await fresh.tab.$eval(id('closer'), details => details.open), false);
    await fresh.close();
  });
});
