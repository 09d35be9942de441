// Two families of networks on one page: EfficientNet-Lite0, with which it opens, and ResNets. The tutorial's photo, changing from one to
// the other and back, everything that names a layer, and what a MobileNet's tensors do not tell.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EMOJI, ROOT, chromium, difference, id, native, scratch, serve, tinyModels, visitPage } from './support.mjs';
import { CLASSES, photoPng, tinyMobilenet, tinyResnet } from './tiny.mjs';

/** 224 × 224: a dog above, a cat below. */
const BOTH = path.join(ROOT, 'tests/golden/images/both.png');
/** ImageNet's kinds of dogs, and of cats that live with people. */
const isDog = klass => klass >= 151 && klass <= 268;
const isCat = klass => klass >= 281 && klass <= 285;

let browser;
let site;
before(async () => {
  browser = await chromium();
  site = await serve();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

/** On the processor, which is several times faster than software adapters; the shaders have tests of their own. */
const visit = (work, { at = site.url, ...options } = {}) => visitPage(browser, at, work, { shaders: false, ...options });

const value = (page, name) => page.tab.$eval(id(name), field => field.value);
const inUse = (page, name) => page.tab.waitForFunction((select, name) => document.querySelector(select).value === name, { timeout: 60_000 }, id('model-select'), name);
const options = (page, name) => page.tab.$$eval(`${id(name)} option`, all => all.map(option => option.value));
const stages = page => page.tab.$$eval('input[name="stage"]', all => all.map(radio => radio.value));
const stage = page => page.tab.$eval('input[name="stage"]:checked', radio => radio.value).catch(() => null);

/** Chooses a listed model and waits for its map of the photo on show. */
async function change(page, model) {
  const maps = await page.tab.$eval(id('status'), status => status.dataset.maps);
  await page.tab.select(id('model-select'), model);
  await inUse(page, model);
  await page.tab.waitForFunction((status, maps) => document.querySelector(status).dataset.maps !== maps, { timeout: 60_000 }, id('status'), maps);
  await page.reach('done');
}

/** Row and column of the heatmap's maximum: the middle of all that is as bright as the brightest. */
async function strongest(page) {
  await page.radio('input[name="colours"][value="grey"]');
  await page.radio('input[name="view"][value="heatmap"]');
  const { width, rgba } = await page.pixels();
  let most = 0;
  for (let at = 0; at < rgba.length; at += 4) most = Math.max(most, rgba[at]);
  const found = [];
  for (let at = 0; at < rgba.length; at += 4) if (rgba[at] === most) found.push([Math.floor(at / 4 / width), (at / 4) % width]);
  const mean = of => found.reduce((sum, place) => sum + place[of], 0) / found.length;
  return { row: mean(0), column: mean(1) };
}

describe('the page opens with a network for photos', () => {
  for (const shaders of [false, true]) {
    it(`finds dog and cat on the tutorial’s photo, each where it is, ${shaders ? 'by the shaders' : 'on the processor'}`, () => visit(async page => {
      assert.equal(await value(page, 'model-select'), 'efficientnet-lite0');
      assert.equal(await page.text(id('knows')), 'Knows 1,000 kinds of things in photos');
      await page.look(BOTH);
      assert.equal(await page.error(), '');
      assert.equal(await value(page, 'layer-select'), 'head');
      assert.equal(await stage(page), 'head');
      const classes = (await page.ranking()).map(row => row.class);
      const [dogs, cats] = [classes.filter(isDog), classes.filter(isCat)];
      assert.ok(dogs.length && cats.length, `${classes}`);
      assert.ok(classes.includes(243), `bull mastiff among ${classes}`);
      for (const klass of [...dogs, ...cats]) {
        await page.pick(klass);
        const { row, column } = await strongest(page);
        if (isDog(klass)) assert.ok(row < 112 && column < 150, `dog ${klass} at row ${row}, column ${column}`);
        else assert.ok(row > 112, `cat ${klass} at row ${row}, column ${column}`);
        // PyTorch's maxima, to half a cell of 32 pixels.
        if (klass === 243) assert.ok(Math.abs(row - 48) <= 16 && Math.abs(column - 112) <= 16, `243 at row ${row}, column ${column}`);
        if (klass === 281 || klass === 282) assert.ok(Math.abs(row - 176) <= 16, `${klass} at row ${row}`);
      }
    }, { shaders }));
  }

  it('has its samples one click away, the dog first, and calls a composite one', () => visit(async page => {
    const samples = await page.tab.$$eval('.welcome .samples button', all => all.map(button => [button.dataset.testid, button.textContent]));
    assert.equal(samples[0][0], 'sample-dog');
    assert.match(samples.find(([name]) => name === 'sample-dog-cat')[1], /two photos joined/);
    await page.click(id('language'));
    assert.match(await page.text(id('sample-dog-cat')), /两张照片拼成/);
    assert.equal(await page.text(id('knows')), '认识照片里的 1000 类事物');
  }));

  it('offers ResNet-50 above the picture, and asks before it is fetched', () => visit(async page => {
    const [chooser, picture] = await page.tab.$$eval(`${id('model-select')}, .stage-frame`, all => all.map(one => one.getBoundingClientRect().top));
    assert.ok(chooser < picture);
    await page.tab.focus(id('model-select'));
    await page.tab.select(id('model-select'), 'imagenet');
    await page.tab.waitForSelector(id('offer'));
    assert.match(await page.text(id('offer')), /102 MB/);
  }, { viewport: { width: 390, height: 844 } }));
});

describe('from one family to the other and back', () => {
  it('layers, drawing, tour and panels are those of the network in use', () => visit(async page => {
    await page.look(BOTH);
    const LITE = { stages: ['blocks.1', 'blocks.2', 'blocks.4', 'head'], parts: 10, weighted: 50, boxes: ['input', 'conv_stem', ...[0, 1, 2, 3, 4, 5, 6].map(n => `blocks.${n}`), 'head', 'avgpool', 'classifier'], last: 'head' };
    const RESNET = { stages: ['layer1', 'layer2', 'layer3', 'layer4'], parts: 6, weighted: 54, boxes: ['input', 'conv1', 'maxpool', 'layer1', 'layer2', 'layer3', 'layer4', 'avgpool', 'fc'], last: 'layer4' };
    const panel = async name => {
      await page.tab.$eval(id('closer'), details => { details.open = true; });
      await page.tab.$eval(`input[name="panel"][value="${name}"]`, radio => radio.click());
      await page.tab.waitForSelector(`${id('panel')}[data-panel="${name}"]`);
      await idle();
    };
    const idle = async () => {
      await page.painted();
      await page.tab.waitForSelector(`${id('panel')}[aria-busy="false"]`, { timeout: 300_000 });
      await page.painted();
    };
    const press = async name => {
      await page.tab.$eval(id(name), button => button.click());
      await idle();
    };
    const figures = () => page.tab.$$eval(`${id('panel')} figure[data-what]`, all => all.map(figure => figure.dataset.what));
    const captions = () => page.tab.$$eval(`${id('panel')} figcaption`, all => all.map(one => one.textContent.trim()));

    const check = async known => {
      assert.equal(await value(page, 'layer-select'), known.last);
      assert.deepEqual(await stages(page), known.stages);
      assert.equal(await stage(page), known.last);
      for (const layer of known.stages) assert.ok((await options(page, 'layer-select')).includes(layer), layer);

      await page.tab.$eval(id('inside'), details => { details.open = true; });
      await page.tab.waitForFunction(last => document.querySelector('.network-view h3').textContent.includes(last), { timeout: 60_000 }, known.last);
      assert.deepEqual(await page.tab.$$eval('.network-parts button', all => all.map(one => one.dataset.layer)), known.boxes);
      assert.equal(await page.tab.$eval('.network-parts [aria-pressed="true"]', box => box.dataset.layer), known.last);
      await page.tab.$eval(id('inside'), details => { details.open = false; });

      await page.tab.$eval(id('tour-start'), button => button.click());
      for (const step of [2, 3, 4, 5]) {
        await page.tab.$eval(id('tour-next'), button => button.click());
        await page.tab.waitForFunction((tour, step) => {
          const card = document.querySelector(tour);
          return card?.dataset.step === step && !card.textContent.includes('Working on it');
        }, { timeout: 60_000 }, id('tour'), String(step));
        if (step === 2) assert.match(await page.text(id('tour-words')), new RegExp(`^${known.weighted} layers with weights.*${known.last} puts out`));
      }
      await page.tab.$eval(id('tour-end'), button => button.click());
      await page.reach('done');

      await panel('layers');
      assert.deepEqual(await captions(), [...known.stages, `${known.stages.join(' + ')}: their mean`]);
      await panel('detail');
      assert.equal((await figures()).length, 2);
      await panel('trust');
      await press('sanity');
      assert.equal((await figures()).length, known.parts);
      await panel('methods');
      await page.tab.select(id('slow-method'), 'score-cam');
      await page.tab.select(id('slow-channels'), '16');
      await press('estimate');
      assert.match(await page.text(id('estimated')), /^16 passes/);
      await press('slow-start');
      assert.match((await figures())[0], new RegExp(`logit ${known.last.replace('.', '\\.')} score-cam$`));
      await panel('layers');
    };
    await check(LITE);
    await change(page, 'emoji50');
    await page.look(path.join(ROOT, 'weights/emoji50/samples/cat-dog.png')); // what it knows
    await check(RESNET);
    await change(page, 'efficientnet-lite0');
    await page.look(BOTH);
    await check(LITE);
  }));

  it('keeps a layer that both have and takes the pooled one else', () => visit(async page => {
    await page.look(BOTH);
    await page.select('layer-select', 'blocks.3.1');
    assert.equal(await stage(page), 'blocks.4', 'the same grid');
    await page.select('layer-select', 'blocks.0');
    assert.equal(await stage(page), null, 'a finer grid than any of them');
    await change(page, 'emoji50');
    assert.equal(await value(page, 'layer-select'), 'layer4');
    await page.select('layer-select', 'layer2');
    assert.equal(await stage(page), 'layer2');
    await change(page, 'efficientnet-lite0');
    assert.equal(await value(page, 'layer-select'), 'head');
    // Of another file of the same family it is kept.
    await page.select('layer-select', 'blocks.2');
    await page.upload('weights-input', scratch('mine.safetensors', tinyMobilenet()));
    await inUse(page, 'own');
    await page.reach('done');
    assert.equal(await value(page, 'layer-select'), 'blocks.2');
    assert.equal(await page.text(id('knows')), `${CLASSES} classes`);
  }));

  it('photos of the tray bring their network and layer back', () => visit(async page => {
    await page.look(BOTH);
    await page.select('layer-select', 'blocks.2');
    await change(page, 'emoji50');
    await page.look(path.join(ROOT, 'weights/emoji50/samples/cat-dog.png'));
    await page.select('layer-select', 'layer3');
    const maps = await page.tab.$eval(id('status'), status => status.dataset.maps);
    await page.click(`${id('tray')} li:first-child button`);
    await page.tab.waitForFunction((status, maps) => Number(document.querySelector(status).dataset.maps) > Number(maps), { timeout: 60_000 }, id('status'), maps);
    assert.equal(await value(page, 'model-select'), 'emoji50', 'the tray keeps what a photo was last seen with');
    assert.equal(await value(page, 'layer-select'), 'layer4');
    await change(page, 'efficientnet-lite0');
    await page.select('layer-select', 'blocks.4');
    await page.click(`${id('tray')} li:last-child button`);
    await inUse(page, 'emoji50');
    await page.reach('done');
    assert.equal(await value(page, 'layer-select'), 'layer3');
    await page.click(`${id('tray')} li:first-child button`);
    await inUse(page, 'efficientnet-lite0');
    await page.reach('done');
    assert.equal(await value(page, 'layer-select'), 'blocks.4');
  }));
});

describe('for everyone', () => {
  it('gives axe-core nothing serious to find and fits a phone, with a MobileNet of one’s own and everything unfolded', () => visit(async page => {
    await page.look(BOTH);
    await page.upload('weights-input', scratch('mine.safetensors', tinyMobilenet()));
    await page.tab.waitForSelector(id('conventions'), { timeout: 60_000 });
    await page.reach('done');
    await page.tab.$$eval('details', all => all.forEach(one => { one.open = true; }));
    await page.tab.waitForFunction(() => document.querySelectorAll('.network-view figcaption').length === 12, { timeout: 60_000 });
    for (const theme of ['light', 'dark']) if (await page.dress(theme)) await page.audit(theme);
    for (const [width, larger, chinese] of [[390, false, false], [320, false, false], [390, true, false], [390, true, true]]) {
      await page.tab.setViewport({ width, height: 844 });
      if (larger !== await page.tab.$eval(id('larger'), button => button.ariaPressed === 'true')) await page.tab.$eval(id('larger'), button => button.click());
      if (chinese) await page.tab.$eval(id('language'), button => button.click());
      await page.painted();
      assert.ok(await page.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than ${width}${larger ? ', large text' : ''}`);
      const rows = await page.tab.$$eval('.layer-stages label', all => new Set(all.map(label => label.offsetTop)).size);
      if (!larger) assert.equal(rows, 1, `the layers stand in ${rows} rows at ${width}`);
    }
  }));
});

describe('links', () => {
  it('name layers of the network that they name, whichever is in use', () => visit(async page => {
    assert.equal(await value(page, 'model-select'), 'emoji50');
    await page.look(BOTH);
    assert.equal(await value(page, 'layer-select'), 'layer4');
    for (const [layer, model, expected] of [['blocks.2', 'efficientnet-lite0', 'blocks.2'], ['layer3', 'emoji50', 'layer3'], ['last', 'efficientnet-lite0', 'head'], ['blocks.4%2Bhead', 'efficientnet-lite0', 'blocks.4+head'], ['layer9', 'emoji50', 'layer4']]) {
      const maps = await page.tab.$eval(id('status'), status => status.dataset.maps);
      await page.tab.evaluate(hash => { location.hash = hash; }, `#model=${model}&class=5&layer=${layer}`);
      await inUse(page, model);
      await page.tab.waitForFunction((status, maps) => document.querySelector(status).dataset.maps !== maps, { timeout: 60_000 }, id('status'), maps);
      await page.reach('done');
      assert.equal(await page.error(), '');
      assert.equal(await value(page, 'layer-select'), expected, layer);
      assert.equal((await page.ranking()).find(row => row.pressed).class, 5);
    }
  }, { path: EMOJI }));

  for (const layer of ['blocks.2', 'head', 'last', 'blocks.5.3']) {
    it(`open at ${layer}`, () => visit(async page => {
      await page.look(BOTH);
      assert.equal(await value(page, 'layer-select'), layer === 'last' ? 'head' : layer);
      assert.equal((await page.ranking()).find(row => row.pressed).class, 281);
      assert.equal(await page.error(), '');
    }, { path: `#model=efficientnet-lite0&class=281&layer=${layer}` }));
  }
});

describe('what a MobileNet’s tensors do not tell', () => {
  const photo = scratch('photo.png', photoPng(117, 83));
  const weights = scratch('mobilenet.safetensors', tinyMobilenet());
  const probabilities = async page => (await page.ranking()).map(row => row.probability);

  it('is said and can be chosen where photos become inputs', async () => {
    const site = await serve(tinyModels());
    await visit(async page => {
      await page.look(photo);
      await page.upload('weights-input', scratch('mine.safetensors', tinyResnet(8)));
      await inUse(page, 'own');
      await page.reach('done');
      assert.equal(await page.tab.$(id('conventions')), null, 'a ResNet’s tensors tell');
      await page.upload('weights-input', weights);
      await page.tab.waitForSelector(id('conventions'), { timeout: 60_000 });
      await page.reach('done');
      await page.tab.$eval(id('inputs'), details => { details.open = true; });
      assert.equal(await page.tab.$eval(`${id('conventions')} option:checked`, option => option.textContent), 'PyTorch');
      assert.match(await page.text(id('conventions-from')), /^Symmetric padding, epsilon 1e-5\..*PyTorch is assumed/);
      const first = await probabilities(page);
      const compare = async (name, options = []) => {
        const { result } = await native(weights, photo, ['--fit', 'whole', ...options]);
        assert.equal(result.conventions.name, name);
        const found = await page.ranking();
        result.top5.forEach(({ index, probability }, place) => {
          assert.equal(found[place].class, index);
          // As in parity.test.mjs.
          assert.ok(Math.abs(found[place].probability - probability) <= 1e-3, `${name}, class ${index}`);
        });
      };
      await compare('pytorch');

      await page.select('conventions', '1');
      assert.match(await page.text(id('conventions-from')), /Your choice/);
      assert.equal(await value(page, 'mean-0'), '0.498039');
      assert.notDeepEqual(await probabilities(page), first, 'the photo was not looked at again');
      // What was typed stays.
      await page.tab.$eval(id('mean-0'), input => { input.value = '0.3'; input.dispatchEvent(new Event('change', { bubbles: true })); });
      await page.explained();
      await page.select('conventions', '0');
      assert.equal(await value(page, 'mean-0'), '0.3');
      await page.click(id('imagenet-inputs'));
      await page.explained();
      assert.deepEqual(await probabilities(page), first);
      await page.click(id('language'));
      assert.match(await page.text(id('conventions-from')), /由你选定/);
    }, { at: site.url }).finally(site.close);
  });

  it('is taken from a name with “tf_”', async () => {
    const site = await serve(tinyModels());
    await visit(async page => {
      await page.look(photo);
      await page.upload('weights-input', scratch('tf_mobilenet.safetensors', tinyMobilenet()));
      await page.tab.waitForSelector(id('conventions'), { timeout: 60_000 });
      await page.reach('done');
      assert.equal(await value(page, 'conventions'), '1');
      assert.match(await page.text(id('conventions-from')), /“tf_”/);
      const tensorflow = await page.pixels();
      await page.select('conventions', '0');
      assert.ok(difference(await page.pixels(), tensorflow) > 0);
      // Another file's are its own.
      await page.upload('weights-input', scratch('tf_other.safetensors', tinyMobilenet(9)));
      await page.tab.waitForFunction(from => /tf_/.test(document.querySelector(from)?.textContent), { timeout: 60_000 }, id('conventions-from'));
      assert.equal(await value(page, 'conventions'), '1');
    }, { at: site.url }).finally(site.close);
  });

  it('survives another device', async () => {
    const site = await serve(tinyModels());
    await visit(async page => {
      await page.look(photo);
      await page.upload('weights-input', weights);
      await page.tab.waitForSelector(id('conventions'), { timeout: 60_000 });
      await page.reach('done');
      await page.select('conventions', '1');
      const maps = await page.tab.$eval(id('status'), status => status.dataset.maps);
      await page.tab.$eval(id('inside'), details => { details.open = true; });
      await page.click(id('processor'));
      await page.tab.waitForFunction((status, maps) => document.querySelector(status).dataset.maps !== maps, { timeout: 60_000 }, id('status'), maps);
      await page.reach('done');
      assert.equal(await value(page, 'conventions'), '1');
      const { result } = await native(weights, photo, ['--fit', 'whole', '--conventions', 'tensorflow']);
      assert.equal(result.conventions.assumed, false);
      assert.equal((await page.ranking())[0].class, result.top5[0].index);
      assert.ok(Math.abs((await page.ranking())[0].probability - result.top5[0].probability) <= 1e-3);
    }, { at: site.url, shaders: true }).finally(site.close);
  });
});
