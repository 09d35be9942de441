// The engine as an ES module (scripts/module): the example page, and the same numbers as the native command.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT, chromium, native, scratch, serve } from './support.mjs';
import { photoPng, tensor, tinyMobilenet, tinyResnet } from './tiny.mjs';

const PKG = path.join(ROOT, 'pkg');
const photo = scratch('photo.png', photoPng(120, 80));
const weights = scratch('tiny.safetensors', tinyResnet());

let browser;
let site;
before(async () => {
  if (!fs.existsSync(path.join(PKG, 'gradlens.js'))) throw new Error('there is no module in pkg/: run scripts/module first');
  browser = await chromium();
  const files = Object.fromEntries(fs.readdirSync(PKG).map(name => [`module/${name}`, fs.readFileSync(path.join(PKG, name))]));
  site = await serve({ ...files, 'module/weights.safetensors': fs.readFileSync(weights) });
});
after(async () => {
  await browser?.close();
  await site?.close();
});

/** How long each part took, by the times before, between and after. */
const took = times => times.slice(1).map((time, at) => (time - times[at]).toFixed(0)).join(', ');

const EMOJI50 = path.join(ROOT, 'weights/emoji50/emoji50.safetensors');
const WHALE = path.join(ROOT, 'weights/emoji50/sample/000.png'); // a basketball above a whale

/** A page whose `explainer` is emoji50 on the processor and has seen the whale; `fetched(name)`: bytes of the site's weights; `lookAgain()`: sees it again, with its map. */
async function openWhale() {
  const tab = await browser.newPage();
  await tab.goto(`${site.url}module/index.html`);
  await tab.evaluate(async bytes => {
    const { default: init, Explainer } = await import('./gradlens.js');
    await init();
    window.fetched = async name => new Uint8Array(await (await fetch(`../weights/${name}`)).arrayBuffer());
    window.explainer = Explainer.onProcessor();
    await explainer.load(await fetched('emoji50/emoji50.safetensors'));
    await explainer.predict(new Uint8Array(bytes), 'whole');
    window.lookAgain = async () => {
      await explainer.predict(new Uint8Array(bytes), 'whole');
      await explainer.explain();
    };
  }, [...fs.readFileSync(WHALE)]);
  return tab;
}

describe('the module', () => {
  it('runs the example page, in twenty lines', async () => {
    assert.ok(fs.readFileSync(path.join(ROOT, 'examples/module/index.html'), 'utf8').trim().split('\n').length <= 24);
    const tab = await browser.newPage();
    const errors = [];
    tab.on('pageerror', error => errors.push(error.message));
    await tab.goto(`${site.url}module/index.html`);
    await tab.waitForFunction(() => /ResNet/.test(document.querySelector('output').textContent), { timeout: 30_000 });
    await (await tab.$('input')).uploadFile(photo);
    await tab.waitForFunction(() => /^class \d+: [\d.]+ %$/.test(document.querySelector('output').textContent), { timeout: 30_000 });
    assert.deepEqual(await tab.$eval('canvas', canvas => [canvas.width, canvas.height]), [120, 80]);
    assert.deepEqual(errors, []);
    await tab.close();
  });

  it('gives the native command\'s logits and maps, and errors as exceptions', async () => {
    const tab = await browser.newPage();
    await tab.goto(`${site.url}module/index.html`);
    const bytes = [...fs.readFileSync(photo)];
    const got = await tab.evaluate(async bytes => {
      const { default: init, Explainer } = await import('./gradlens.js');
      await init();
      const explainer = await Explainer.open();
      const early = await explainer.predict(new Uint8Array(bytes)).catch(error => error.message);
      const weights = new Uint8Array(await (await fetch('weights.safetensors')).arrayBuffer());
      const name = await explainer.load(weights);
      const prediction = await explainer.predict(new Uint8Array(bytes), 'whole');
      const explanation = await explainer.explain(undefined, 'layer3', 'layer-cam');
      const wrong = await explainer.explain(0, 'attic').catch(error => error.message);
      const processor = Explainer.onProcessor();
      await processor.load(weights);
      const slower = { logits: [...(await processor.predict(new Uint8Array(bytes), 'whole')).logits], adapter: processor.adapter };
      slower.cam = [...(await processor.explain(undefined, 'layer3', 'layer-cam')).cam];
      return {
        early, wrong, slower, name, layers: explainer.layers, class: explanation.class, logits: [...prediction.logits],
        cam: [...explanation.cam], shape: [explanation.camHeight, explanation.camWidth], top: prediction.top(3).map(score => score.class),
      };
    }, bytes);
    assert.match(got.early, /network/i);
    assert.match(got.wrong, /attic/);
    assert.ok(got.layers.includes('layer4.0'));
    const { tensors } = await native(weights, photo, ['--layer', 'layer3', '--method', 'layer-cam', '--fit', 'whole']);
    const close = (found, expected, what) => {
      const scale = Math.max(...expected.map(Math.abs));
      // Another adapter, other tiles, f32: as parity.test.mjs allows.
      expected.forEach((value, at) => assert.ok(Math.abs(found[at] - value) <= 1e-4 * scale, `${what}[${at}]: ${found[at]} for ${value}`));
    };
    close(got.logits, [...tensor(tensors, 'logits').values], 'logits');
    close(got.cam, [...tensor(tensors, 'cam').values], 'cam');
    assert.equal(got.slower.adapter, 'CPU');
    close(got.slower.logits, got.logits, 'logits on the processor');
    close(got.slower.cam, got.cam, 'cam on the processor');
    assert.deepEqual(tensor(tensors, 'cam').shape, got.shape);
    assert.equal(got.top[0], got.class);
    await tab.close();
  });

  it('answers questions as the native command does, and explains an answer', async t => {
    const tab = await openWhale();
    const got = await tab.evaluate(async questions => {
      const early = await explainer.answer('What is largest?').catch(error => error.message);
      explainer.loadQuestions(await fetched('emoji50-questions/emoji50-questions.safetensors'), questions);
      const answers = await explainer.answer('鲸鱼的上方是什么？');
      const map = await explainer.explainAnswer(answers[0].answer, 'hires-cam');
      const unknown = await explainer.answer('What is above the wombat?').catch(error => error.message);
      const times = [performance.now()];
      await lookAgain();
      times.push(performance.now());
      await explainer.explainAnswer((await explainer.answer('What is above the whale?'))[0].answer);
      times.push(performance.now());
      return { early, unknown, answers, cam: [...map.cam], class: map.class, layer: map.layer, times };
    }, fs.readFileSync(path.join(ROOT, 'weights/emoji50-questions/questions.json'), 'utf8'));
    assert.match(got.early, /network/i);
    t.diagnostic(`${took(got.times)} ms: a picture with its map; a question with its answer's`);
    assert.match(got.unknown, /wombat/);
    const { result, tensors } = await native(EMOJI50, WHALE, ['--ask', '鲸鱼的上方是什么？', '--method', 'hires-cam', '--fit', 'whole']);
    assert.deepEqual(got.answers.map(answer => answer.name), result.answers.map(answer => answer.answer));
    assert.equal(got.answers[0].name, '篮球');
    assert.deepEqual([got.class, got.layer], [got.answers[0].answer, 'layer3']);
    const cam = [...tensor(tensors, 'cam').values];
    const scale = Math.max(...cam.map(Math.abs));
    cam.forEach((value, at) => assert.ok(Math.abs(got.cam[at] - value) <= 1e-4 * scale, `cam[${at}]: ${got.cam[at]} for ${value}`));
    await tab.close();
  });

  it('loads either family, at the pooled layer unless told, and takes conventions', async () => {
    const tab = await browser.newPage();
    await tab.goto(`${site.url}module/index.html`);
    const got = await tab.evaluate(async (bytes, weights) => {
      const { default: init, Explainer } = await import('./gradlens.js');
      await init();
      const explainer = Explainer.onProcessor();
      const before = [explainer.conventions === undefined, explainer.parts.length];
      const load = async (...more) => {
        await explainer.load(new Uint8Array(weights), ...more);
        const { logits } = await explainer.predict(new Uint8Array(bytes), 'whole');
        return { logits: [...logits], conventions: [explainer.conventions, explainer.conventionsAssumed] };
      };
      const assumed = await load();
      const map = await explainer.explain();
      const asked = await explainer.ask({});
      const told = await load(undefined, 'tensorflow');
      const wrong = await explainer.load(new Uint8Array(weights), undefined, 'caffe').catch(error => error.message);
      return { before, assumed, told, wrong, layers: explainer.layers, parts: explainer.parts, at: [map.layer, asked.layer] };
    }, [...fs.readFileSync(photo)], [...tinyMobilenet()]);
    assert.deepEqual(got.before, [true, 0]);
    assert.deepEqual([got.assumed.conventions, got.told.conventions], [['pytorch', true], ['tensorflow', false]]);
    assert.notDeepEqual(got.assumed.logits, got.told.logits);
    assert.match(got.wrong, /caffe.*pytorch, tensorflow/);
    assert.deepEqual(got.layers.slice(-3), ['blocks.6.0', 'blocks.6', 'head']);
    assert.deepEqual([got.parts[0], got.parts.at(-1), got.parts.length], ['classifier', 'conv_stem', 10]);
    assert.deepEqual(got.at, ['head', 'head']);
    const mobilenet = scratch('mobilenet.safetensors', tinyMobilenet());
    for (const { logits, conventions: [name] } of [got.assumed, got.told]) {
      const { result } = await native(mobilenet, photo, ['--fit', 'whole', '--conventions', name]);
      result.top5.forEach(({ index, logit }) => assert.ok(Math.abs(logits[index] - logit) <= 1e-4, `${name}: ${logits[index]} for ${logit}`));
    }
    await tab.close();
  });

  it('describes a drawing as the native command does, and explains a word', async t => {
    const tab = await openWhale();
    const got = await tab.evaluate(async words => {
      const early = await explainer.describe().catch(error => error.message);
      explainer.loadCaptions(await fetched('emoji50-captions/emoji50-captions.safetensors'), words);
      const unmade = await explainer.explainCaption(0).catch(error => error.message);
      const [english, chinese] = [await explainer.describe(), await explainer.describe('zh')];
      const noun = chinese.words.findIndex(word => word.class !== null);
      const map = await explainer.explainCaption(noun, 'hires-cam');
      const look = await explainer.captionAttention(noun);
      const foreign = await explainer.describe('fr').catch(error => error.message);
      const times = [performance.now()];
      await lookAgain();
      times.push(performance.now());
      await explainer.describe();
      await explainer.explainCaption(1);
      times.push(performance.now());
      return { times, early, unmade, foreign, english, chinese, noun, cam: [...map.cam], size: [map.camHeight, map.camWidth], layer: map.layer, look: [...look] };
    }, fs.readFileSync(path.join(ROOT, 'weights/emoji50-captions/captions.json'), 'utf8'));
    assert.match(got.early, /network/i);
    t.diagnostic(`${took(got.times)} ms: a picture with its map; a description with a word's`);
    assert.match(got.foreign, /fr.*en, zh/);
    assert.ok(got.unmade);
    const { result } = await native(EMOJI50, WHALE, ['--describe', '--method', 'hires-cam', '--fit', 'whole']);
    for (const [language, caption] of [['en', got.english], ['zh', got.chinese]]) {
      const ofNative = result.captions[language];
      assert.equal(caption.text, ofNative.text);
      assert.deepEqual(caption.words.map(word => word.text), ofNative.words.map(word => word.word));
      assert.deepEqual(caption.words.map(word => word.class ?? undefined), ofNative.words.map(word => word.class));
      caption.words.forEach((word, at) => assert.ok(Math.abs(word.logProbability - ofNative.words[at].log_probability) < 1e-3, word.text));
    }
    assert.deepEqual([got.size, got.layer], [[14, 14], 'layer3']);
    assert.ok(got.cam.some(value => value > 0), 'something speaks for it');
    assert.ok(Math.abs(got.look.reduce((sum, share) => sum + share) - 1) < 1e-4, 'shares');
    await tab.close();
  });

  it('answers any question, tells how far it is, and can be stopped', async () => {
    const tab = await browser.newPage();
    await tab.goto(`${site.url}module/index.html`);
    const got = await tab.evaluate(async bytes => {
      const { default: init, Explainer } = await import('./gradlens.js');
      await init();
      const explainer = await Explainer.open();
      await explainer.load(new Uint8Array(await (await fetch('weights.safetensors')).arrayBuffer()));
      await explainer.predict(new Uint8Array(bytes), 'whole');
      const fused = await explainer.ask({ layers: ['layer3', 'layer4'], method: 'layer-cam', target: 'against' });
      const heard = [];
      const slow = { method: 'ablation-cam', channels: 3 };
      const whole = await explainer.ask(slow, (done, of) => { heard.push([done, of]); });
      const stopped = await explainer.ask(slow, done => done < 1);
      const thrown = await explainer.ask(slow, () => { throw new Error('enough'); }).catch(error => error.message);
      const wrong = await explainer.ask({ target: 'why' }).catch(error => error.message);
      const alone = await explainer.ask({ target: 'contrast' }).catch(error => error.message);
      const { passes } = await explainer.estimate(slow);
      const guided = await explainer.guided();
      return {
        methods: Explainer.methods(), fused: [fused.layer, fused.method, fused.target], heatmap: [...fused.heatmap], heard, passes,
        method: whole.method, stopped, thrown, wrong, alone, guided: [guided.width, guided.height],
      };
    }, [...fs.readFileSync(photo)]);
    assert.deepEqual(got.fused, ['layer3+layer4', 'layer-cam', 'against']);
    const { tensors } = await native(weights, photo, ['--layer', 'layer3,layer4', '--method', 'layer-cam', '--target', 'against', '--fit', 'whole']);
    tensor(tensors, 'heatmap').values.forEach((value, at) => assert.ok(Math.abs(got.heatmap[at] - value) < 1e-3, `heatmap[${at}]`));
    assert.deepEqual([got.methods.length, got.methods[9]], [23, 'ablation-cam']);
    assert.deepEqual(got.heard.at(-1), [3, 3]);
    assert.deepEqual([got.method, got.stopped, got.thrown], ['ablation-cam', undefined, 'enough']);
    assert.match(got.wrong, /why/);
    assert.match(got.alone, /another class/);
    assert.ok(got.passes >= 3);
    assert.deepEqual(got.guided, [120, 80]);
    await tab.close();
  });

  it('checks a map, names the neurons and covers the region as the native command does', async () => {
    const tab = await browser.newPage();
    await tab.goto(`${site.url}module/index.html`);
    const got = await tab.evaluate(async bytes => {
      const { default: init, Explainer } = await import('./gradlens.js');
      await init();
      const explainer = await Explainer.open();
      await explainer.load(new Uint8Array(await (await fetch('weights.safetensors')).arrayBuffer()));
      await explainer.predict(new Uint8Array(bytes), 'whole');
      const map = await explainer.explain(undefined, 'layer3');
      const heard = [];
      const trust = await explainer.trust(map, (done, of) => { heard.push([done, of]); });
      const stopped = await explainer.trust(map, () => false);
      const thrown = await explainer.trust(map, () => { throw new Error('enough'); }).catch(error => error.message);
      const blank = await explainer.ask({ class: 6, layers: ['layer4'] });
      return {
        trust, stopped, thrown, heard, neurons: await explainer.neurons(undefined, 5), covered: await explainer.coverUp(map),
        nothing: [blank.blank, await explainer.trust(blank) === undefined, await explainer.coverUp(blank) === undefined],
        again: [...(await explainer.explain(undefined, 'layer3')).cam], cam: [...map.cam],
      };
    }, [...fs.readFileSync(photo)]);
    const { result } = await native(weights, photo, ['--layer', 'layer3', '--fit', 'whole', '--also', 'trust,neurons,cover,box']);
    // Another adapter; ROAD adds noise by its own seeded numbers, the same on both sides.
    const near = (found, expected, what) => assert.ok(Math.abs(found - expected) < 1e-3, `${what}: ${found} for ${expected}`);
    for (const [name, expected] of Object.entries({ ...result.trust, road: result.trust.road.combined })) {
      if (['deletion', 'insertion'].includes(name)) near(got.trust[name].area, expected.area, name);
      else if (name !== 'increase') near(got.trust[name], expected, name);
    }
    assert.equal(got.trust.deletion.points.length, 17);
    near(got.trust.morf.area, result.trust.road.morf.area, 'morf');
    near(got.trust.lerf.area, result.trust.road.lerf.area, 'lerf');
    assert.deepEqual(got.heard.at(-1), [53, 53]);
    assert.deepEqual([got.stopped, got.thrown], [undefined, 'enough']);
    const listed = neurons => neurons.map(({ channel }) => channel);
    assert.deepEqual(listed(got.neurons.speakFor), listed(result.neurons.for));
    assert.deepEqual(listed(got.neurons.speakAgainst), listed(result.neurons.against));
    assert.deepEqual(got.neurons.speakFor[0].classes.slice(0, 3), result.neurons.for[0].favours.map(({ index }) => index));
    near(got.covered.probability, result.cover.probability, 'covered');
    assert.equal(got.covered.logits.length, 7);
    for (const side of ['x', 'y', 'width', 'height']) near(got.covered[side], result.box.rect[side], side);
    assert.deepEqual(got.nothing, [true, true, true]);
    assert.deepEqual(got.again, got.cam, 'the photo is as it was');
    await tab.close();
  });

  it('has TypeScript types for all of it, and is ready for npm', () => {
    const types = fs.readFileSync(path.join(PKG, 'gradlens.d.ts'), 'utf8');
    for (const name of ['class Explainer', 'static open(): Promise<Explainer>', 'static onProcessor(): Explainer', 'class Prediction', 'class Explanation', 'class Score', 'readonly cam: Float32Array', 'Promise<Explanation>',
      'ask(question: Question, progress?: Progress | null): Promise<Explanation | undefined>', 'export interface Question', 'static methods(): string[]', 'describe(language?: string | null): Promise<Caption>', 'export interface Caption',
      'trust(explanation: Explanation, progress?: Progress | null): Promise<Trust | undefined>', 'Promise<Neurons>', 'coverUp(explanation: Explanation, share?: number | null): Promise<Covered | undefined>']) {
      assert.ok(types.includes(name), name);
    }
    const { files, main, types: declared } = JSON.parse(fs.readFileSync(path.join(PKG, 'package.json')));
    for (const file of [...files, main, declared]) assert.ok(fs.existsSync(path.join(PKG, file)), file);
  });
});
