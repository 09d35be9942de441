// The page in Chromium with a tiny network: everything a visitor does.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DIST, ROOT, chromium, difference, id, inEngine, keepDownloads, scratch, serve, tinyModels, visitPage } from './support.mjs';
import { BLANK_CLASS, CLASSES, LABELS, photoPng, tinyResnet } from './tiny.mjs';

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

describe('the main flow', () => {
  it('runs on WebGPU, or fails here', () => visit(async page => {
    const adapter = await page.tab.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
    assert.ok(adapter, 'this browser offers no WebGPU adapter: the tests prove nothing without one');
    assert.match(await page.text(id('adapter')), process.env.ENGINE === 'firefox' ? /Computed on (?!the processor)/ : /swiftshader/i);
    assert.match(await page.text(id('architecture')), new RegExp(`${CLASSES} classes`));
  }));

  it('shows five classes and a heatmap, and explains another class without looking again', () => visit(async page => {
    await page.look(photo);
    const ranking = await page.ranking();
    assert.equal(ranking.length, 5);
    const probabilities = ranking.map(row => row.probability);
    assert.deepEqual(probabilities, probabilities.toSorted((a, b) => b - a));
    assert.ok(probabilities[0] <= 1 && probabilities.at(-1) > 0);
    assert.deepEqual(ranking.map(row => row.pressed), [true, false, false, false, false]);
    assert.deepEqual(ranking.map(row => row.name), ranking.map(row => LABELS[row.class].en));

    const first = await page.pixels();
    assert.deepEqual([first.width, first.height], [120, 80]);
    await page.radio('input[name="view"][value="photo"]');
    assert.ok(difference(await page.pixels(), first) > 10, 'the overlay is just the photo');
    await page.radio('input[name="view"][value="overlay"]');
    assert.equal(difference(await page.pixels(), first), 0);

    const looked = (await page.elapsed()).forward;
    await page.pick(ranking[1].class);
    assert.ok(difference(await page.pixels(), first) > 0.5, 'two classes, one map');
    assert.equal((await page.elapsed()).forward, looked, 'the forward pass ran again');
    assert.ok((await page.ranking())[1].pressed);
    assert.equal(await page.tab.$eval(id('status'), status => status.dataset.state), 'done');
  }));

  it('traces any layer, any method, either fit', () => visit(async page => {
    await page.look(photo);
    const maps = [await page.pixels()];
    for (const layer of ['layer1', 'layer2', 'layer3.0']) {
      await page.select('layer-select', layer);
      maps.push(await page.pixels());
      assert.ok(difference(maps.at(-1), maps.at(-2)) > 0.5, layer);
    }
    const layers = await page.tab.$$eval(`${id('layer-select')} option`, options => options.map(option => option.value));
    assert.deepEqual(layers.toSorted(), ['layer1', 'layer1.0', 'layer2', 'layer2.0', 'layer3', 'layer3.0', 'layer4', 'layer4.0']);

    const methods = await page.tab.$$eval(`${id('method-select')} option`, options => options.map(option => [option.value, option.textContent]));
    assert.ok(methods.length >= 8);
    for (const [method, name] of methods) {
      assert.notEqual(method, name, 'a method without a name of its own');
      await page.select('method-select', method);
      assert.equal(await page.state(), 'done', method);
    }
    await page.select('method-select', 'grad-cam');

    const whole = (await page.elapsed()).forward;
    await page.select('fit-select', 'crop');
    await page.reach('done');
    assert.notEqual((await page.elapsed()).forward, whole, 'another fit needs another look');
    await page.radio('input[name="stage"][value="layer4"]');
    await page.reach('done');
    assert.equal(await page.tab.$eval(id('layer-select'), select => select.value), 'layer4');
  }));

  it('repaints opacity and colours without computing', () => visit(async page => {
    await page.look(photo);
    const before = await page.elapsed();
    const half = await page.pixels();
    await page.slide(0);
    const none = await page.pixels();
    await page.slide(1);
    const full = await page.pixels();
    await page.radio('input[name="view"][value="photo"]');
    assert.equal(difference(none, await page.pixels()), 0, 'opacity 0 is the photo');
    await page.radio('input[name="view"][value="heatmap"]');
    assert.equal(difference(full, await page.pixels()), 0, 'opacity 1 is the heatmap');
    const middle = half.rgba.map((value, at) => Math.abs(value - (none.rgba[at] + full.rgba[at]) / 2));
    assert.ok(Math.max(...middle) <= 1, 'opacity 0.5 is the mean of both');
    for (const colours of ['viridis', 'turbo', 'magma', 'grey']) {
      await page.radio(`input[name="colours"][value="${colours}"]`);
      assert.ok(difference(full, await page.pixels()) > 5, colours);
    }
    const grey = (await page.pixels()).rgba;
    for (let at = 0; at < grey.length; at += 4) assert.ok(grey[at] === grey[at + 1] && grey[at] === grey[at + 2]);
    assert.deepEqual(await page.elapsed(), before);

    await page.radio('input[name="view"][value="both"]');
    assert.equal(await page.tab.$$eval('.stage-canvases canvas', all => all.filter(canvas => canvas.offsetWidth > 0).length), 2);
  }));

  it('finds a class by name, Chinese name or number, and says so when a map is blank', () => visit(async page => {
    await page.look(photo);
    for (const [query, klass] of [['Violin', 3], ['跑车', 4], ['1', 1]]) {
      await page.tab.type(id('class-search'), query);
      await page.tab.keyboard.press('Enter');
      await page.explained();
      const chosen = (await page.ranking()).find(row => row.pressed);
      assert.equal(chosen?.class, klass, query);
    }
    await page.tab.type(id('class-search'), 'noth');
    await page.click('[role="option"]');
    await page.explained();
    const rows = await page.ranking();
    assert.equal(rows.find(row => row.pressed).class, BLANK_CLASS);
    assert.equal(rows.length, 6, 'the sixth row is the chosen class');
    assert.match(await page.text(id('blank')), /Nothing in this photo supports “nothing”/);
    // Small maps stay blank, too: the coldest colour over the photo everywhere, and a word.
    await page.tab.$eval(id('closer'), details => { details.open = true; });
    await page.tab.waitForSelector(`${id('panel')} figure:nth-child(5)`);
    await page.painted();
    const small = await page.tab.$$eval(`${id('panel')} figure`, all => all.map(figure => {
      const canvas = figure.querySelector('canvas');
      return [figure.querySelector('figcaption').textContent, ...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
    }));
    for (const [caption, ...pixels] of small) {
      assert.match(caption, /empty: nothing supports “nothing”/);
      // Jet's coldest is (0, 0, 128): over any photo red stays below what 40 % of it leaves.
      assert.ok(pixels.every((value, at) => at % 4 > 1 || value <= 103), caption);
    }
    await page.tab.type(id('class-search'), 'zzz');
    assert.match(await page.text('#class-options'), /No class/);
  }));

  it('says of every question what an empty map means', () => visit(async page => {
    // Everything speaks for the last class, and more than for any other.
    await page.upload('weights-input', scratch('eager.safetensors', tinyResnet(7, () => 1)));
    await page.tab.waitForFunction(select => document.querySelector(select).value === 'own', { timeout: 60_000 }, id('model-select'));
    await page.reach('ready');
    await page.look(photo);
    assert.equal((await page.ranking())[0].class, BLANK_CLASS);
    const asks = async (klass, target, english, chinese) => {
      await page.pick(klass);
      await page.select('objective', target);
      assert.match(await page.text(id('blank')), english);
      await page.click(id('language'));
      assert.match(await page.text(id('blank')), chinese);
      await page.click(id('language'));
    };
    const other = (await page.ranking())[1].class;
    const name = LABELS[other].en;
    const words = LABELS[other].zh ?? name;
    await asks(BLANK_CLASS, 'against', /Nothing in this photo is evidence against “nothing” at layer4/, /没有任何地方反对“无”/);
    await asks(other, 'contrast', new RegExp(`Nothing in this photo supports “${name}” rather than “nothing” at layer4`), new RegExp(`没有任何地方支持“${words}”而不是“无”`));
    await asks(other, 'probability', new RegExp(`Nothing in this photo makes “${name}” more probable at layer4`), new RegExp(`没有任何地方提高“${words}”的概率`));
    assert.match(await page.text(id('in-words')), new RegExp(`How much each place makes “${name}” more probable`));

    await page.tab.$eval(id('closer'), details => { details.open = true; });
    await page.tab.$eval('input[name="panel"][value="targets"]', radio => radio.click());
    await page.tab.waitForSelector(`${id('panel')} figure:nth-child(4)`);
    const captions = await page.tab.$$eval(`${id('panel')} figcaption`, all => all.map(caption => caption.textContent));
    assert.match(captions[1], new RegExp(`probability \\(empty: nothing makes “${name}” more probable\\)`));
    assert.match(captions[2], new RegExp(`contrast with nothing \\(empty: nothing supports “${name}” rather than “nothing”\\)`));
    // An empty map ranks no place before another: there is nothing that could be checked.
    await page.tab.$eval('input[name="panel"][value="trust"]', radio => radio.click());
    await page.tab.waitForSelector(id('nothing-to-check'));
    assert.match(await page.text(id('nothing-to-check')), /empty.*nothing to check/);
    assert.equal(await page.tab.$(id('trust')), null);
    await page.select('objective', 'logit');
    assert.equal(await page.text(id('blank')), '');
    await page.tab.waitForSelector(id('trust'));
    assert.equal(await page.tab.$(id('nothing-to-check')), null);
  }));

  it('opens samples, drops and pastes', () => visit(async page => {
    await page.tab.focus(id('sample-chelsea'));
    await page.tab.keyboard.press('Enter');
    await page.reach('done');
    // The focus goes on to the result: one Tab from the first class.
    await page.tab.waitForFunction(() => document.activeElement.tagName === 'H2');
    await page.tab.keyboard.press('Tab');
    assert.ok(await page.tab.evaluate(top => document.activeElement === document.querySelector(`${top} button`), id('top-k')));
    assert.equal((await page.pixels()).width, 451);

    const hand = (kind, name, bytes) => page.tab.evaluate((kind, name, base64) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name));
      const event = new (kind === 'paste' ? ClipboardEvent : DragEvent)(kind, { bubbles: true, cancelable: true });
      // Not by the constructors: Firefox leaves a clipboard empty that a script makes.
      Object.defineProperty(event, kind === 'paste' ? 'clipboardData' : 'dataTransfer', { value: transfer });
      document.querySelector('footer').dispatchEvent(event);
      return event.defaultPrevented;
    }, kind, name, bytes.toString('base64'));
    assert.ok(await hand('dragover', 'photo.png', fs.readFileSync(photo)));
    assert.ok(await page.tab.$eval('.drop-veil', veil => veil.classList.contains('shown')));
    assert.ok(await hand('drop', 'photo.png', fs.readFileSync(photo)));
    await page.explained();
    assert.equal((await page.pixels()).width, 120);
    assert.ok(!(await page.tab.$eval('.drop-veil', veil => veil.classList.contains('shown'))));
    assert.ok(await hand('paste', 'image.png', fs.readFileSync(other)));
    await page.explained();
    assert.equal((await page.pixels()).width, 90);
  }));

  it('keeps up with a hasty visitor', () => visit(async page => {
    await page.look(photo);
    const classes = (await page.ranking()).map(row => row.class);
    await page.tab.evaluate(async (top, opacity, classes) => {
      const button = klass => document.querySelector(`${top} [data-class="${klass}"] button`);
      const slider = document.querySelector(opacity);
      for (let turn = 0; turn < 60; turn++) {
        button(classes[turn % 5]).click();
        slider.value = String((turn % 10) / 10);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        if (turn % 7 === 0) document.querySelector('input[name="stage"]').click();
        if (turn % 4 === 0) await new Promise(resolve => setTimeout(resolve, 5));
      }
      button(classes[3]).click();
    }, id('top-k'), id('opacity'), classes);
    await page.explained();
    assert.equal((await page.ranking()).find(row => row.pressed).class, classes[3]);
    assert.match(await page.text(id('status')), new RegExp(LABELS[classes[3]].en.slice(0, 4)));

    await page.upload('photo-input', photo);
    await page.upload('photo-input', other);
    await page.upload('photo-input', photo);
    await page.upload('photo-input', other);
    await page.explained();
    assert.equal((await page.pixels()).width, 90, 'the last photo wins');
  }));

  it('reads a photo while its first network loads, and says only that', () => visit(async page => {
    await page.tab.waitForFunction(() => window.said.some(words => /^Loading Tiny/.test(words)));
    await page.upload('photo-input', photo);
    await page.explained();
    const said = await page.tab.evaluate('window.said');
    assert.ok(!said.some(words => /No model/.test(words)), said);
  }, {
    state: 'loading',
    before: async tab => {
      await inEngine(() => {
        const real = fetch;
        self.fetch = async (...all) => {
          if (/safetensors/.test(all[0])) await new Promise(resolve => setTimeout(resolve, 1500));
          return real(...all);
        };
      })(tab);
      await tab.evaluateOnNewDocument(() => {
        window.said = [];
        new MutationObserver(() => {
          const words = document.querySelector('[data-testid="status"] [role="status"]')?.textContent.trim();
          if (words && words !== window.said.at(-1)) window.said.push(words);
        }).observe(document, { subtree: true, childList: true, characterData: true });
      });
    },
  }));

  it('saves a PNG at the photo’s own size', () => visit(async page => {
    const large = scratch('large.png', photoPng(1800, 1200));
    await page.look(large);
    assert.equal((await page.pixels()).width, 1536, 'painted smaller');
    const saved = async () => {
      const { name, bytes } = await page.saved(() => page.click(id('save-png')));
      assert.equal(bytes.toString('latin1', 1, 4), 'PNG');
      return { name, width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
    };
    const overlay = await saved();
    assert.deepEqual([overlay.width, overlay.height], [1800, 1200]);
    assert.match(overlay.name, /^large-.+-layer4-grad-cam-overlay\.png$/);
    await page.radio('input[name="view"][value="both"]');
    assert.deepEqual((await saved()).width, 1800 * 2 + 16);
  }, {
    before: keepDownloads,
  }));
});

describe('what ships', () => {
  const shipped = () => JSON.parse(fs.readFileSync(path.join(DIST, 'weights/models.json')));

  it('opens with EfficientNet-Lite0, which sees what its samples show', async () => {
    const [model] = shipped();
    assert.equal(model.id, 'efficientnet-lite0', 'weights/efficientnet-lite0/fetch could not get it when this page was built');
    const site = await serve();
    await visit(async page => {
      assert.equal(await page.tab.$eval(id('model-select'), select => select.value), model.id);
      // The likeliest class, whatever else is among the five; for two things, both.
      for (const [sample, first, also] of [['dog', 'German shepherd'], ['dog-cat', 'German shepherd', 'Egyptian cat'], ['koala', 'koala'], ['bee', 'bee']]) {
        await page.click(id(`sample-${sample}`));
        await page.explained();
        const names = (await page.ranking()).map(row => row.name);
        assert.ok(also ? names.includes(first) && names.includes(also) : names[0] === first, `${sample}: ${names}`);
      }
    }, { at: site.url }).finally(site.close);
  });

  it('without that file opens with emoji50, which sees what its samples show', async () => {
    const model = shipped().find(model => model.id === 'emoji50');
    const site = await serve({ 'weights/efficientnet-lite0/efficientnet-lite0.safetensors': null });
    await visit(async page => {
      assert.equal(await page.tab.$eval(id('model-select'), select => select.value), model.id);
      for (const sample of model.samples.slice(0, 2)) {
        await page.click(id(`sample-${sample.id}`));
        await page.explained();
        const names = (await page.ranking()).map(row => row.name);
        assert.ok(names.some(name => sample.name.toLowerCase().includes(name)), `${sample.name}: ${names}`);
      }
    }, { at: site.url }).finally(site.close);
  });

  it('has every file that its list of models names, and nothing that only trains them', () => {
    for (const model of shipped()) {
      const files = [model.labels, ...model.samples.map(sample => sample.file), ...(model.urls ? [] : [model.file])];
      for (const file of files) assert.ok(fs.existsSync(path.join(DIST, file)), file);
    }
    const all = fs.readdirSync(path.join(DIST, 'weights'), { recursive: true });
    assert.deepEqual(all.filter(name => /\.(py|mjs|pth?|sh)$|(^|\/)(fetch|\.gitignore)$/.test(name)), []);
  });
});

describe('models and labels', () => {
  it('takes a dropped checkpoint and a dropped list of labels', () => visit(async page => {
    await page.look(photo);
    const before = await page.ranking();
    await page.upload('weights-input', scratch('mine.safetensors', tinyResnet(8)));
    await page.tab.waitForFunction((select) => document.querySelector(select).value === 'own', {}, id('model-select'));
    await page.reach('done');
    const mine = await page.ranking();
    assert.notDeepEqual(mine.map(row => row.probability), before.map(row => row.probability));
    assert.deepEqual(mine.map(row => row.name), mine.map(row => LABELS[row.class].en), 'as many classes: the same names');
    assert.match(await page.text(`${id('model-select')} option:checked`), /mine\.safetensors/);

    await page.upload('weights-input', scratch('names.txt', 'a\nb\nc\nd\ne\nf\ng\n'));
    await page.tab.waitForFunction((top) => document.querySelector(`${top} .class-name`).firstChild.textContent.length === 1, {}, id('top-k'));
    await page.upload('weights-input', scratch('short.txt', 'a\nb\n'));
    await page.reach('error');
    assert.match(await page.error(), /2 names.*7 classes/);
    assert.equal((await page.ranking())[0].name.length, 1, 'the former names stay');

    await page.select('model-select', 'tiny');
    await page.tab.waitForFunction((select) => document.querySelector(select).value === 'tiny', {}, id('model-select'));
    await page.reach('done');
    assert.deepEqual((await page.ranking()).map(row => row.class), before.map(row => row.class));
  }));

  it('takes weights together with their labels, in any order', () => visit(async page => {
    await page.look(photo);
    await page.upload('weights-input', scratch('names.json', '["k0","k1","k2","k3","k4","k5","k6"]'), scratch('mine.safetensors', tinyResnet(9)));
    await page.tab.waitForFunction(top => document.querySelector(`${top} .class-name`)?.firstChild.textContent[0] === 'k', {}, id('top-k'));
    await page.reach('done');
    assert.deepEqual((await page.ranking()).map(row => row.name), (await page.ranking()).map(row => `k${row.class}`));
  }));

  it('treats names as text, never as markup', () => visit(async page => {
    await page.look(photo);
    await page.tab.type(id('class-search'), '2');
    await page.tab.keyboard.press('Enter');
    await page.explained();
    assert.equal((await page.ranking()).find(row => row.pressed).name, LABELS[2].en);
    assert.equal(await page.tab.$('img[src="x"]'), null);
    assert.equal(await page.tab.evaluate(() => window.hacked), undefined);
  }));

  it('asks before it asks another host, and refuses an altered file', async () => {
    const away = 'https://huggingface.co/somebody/tiny.safetensors';
    const weights = tinyResnet();
    const files = tinyModels();
    const [tiny] = JSON.parse(files['weights/models.json']);
    const list = [tiny, { ...tiny, id: 'away', name: 'Away', file: 'weights/away.safetensors', urls: [away] }];
    const far = await serve({ ...files, 'weights/models.json': Buffer.from(JSON.stringify(list)) });
    try {
      await visit(async page => {
        const asked = () => page.engine.get('asked');
        const answer = bytes => page.engine.set({ answer: bytes.toString('base64') });
        await page.tab.select(id('model-select'), 'away');
        await page.tab.waitForSelector(id('offer'));
        assert.match(await page.text(id('offer')), /huggingface\.co/);
        assert.equal(await page.tab.$eval(id('model-select'), select => select.value), 'tiny');
        await page.click(id('offer-no'));
        assert.equal(await page.tab.$(id('offer')), null);
        assert.equal(await asked(), 0);

        const altered = Buffer.from(weights);
        altered[altered.length - 1] ^= 1;
        await answer(altered);
        await page.tab.select(id('model-select'), 'away');
        await page.click(id('offer-yes'));
        await page.reach('error');
        assert.match(await page.error(), /checksum differs/);
        assert.equal(await asked(), 1);

        await answer(weights);
        await page.tab.select(id('model-select'), 'away');
        await page.click(id('offer-yes'));
        await page.tab.waitForFunction(select => document.querySelector(select).value === 'away', {}, id('model-select'));
        await page.look(photo);
        assert.equal(await page.state(), 'done');
      }, {
        at: far.url,
        // The other host; weights.test.mjs has real ones.
        before: inEngine(away => {
          self.asked = 0;
          const real = fetch;
          self.fetch = (address, options) => {
            if (address !== away) return real(address, options);
            self.asked += 1;
            return Promise.resolve(new Response(Uint8Array.from(atob(self.answer), letter => letter.charCodeAt(0))));
          };
        }, away),
      });
    } finally {
      await far.close();
    }
  });

  it('lists hosts that its own security policy lets through', () => {
    const html = fs.readFileSync(path.join(DIST, 'index.html'), 'utf8');
    const policy = /Content-Security-Policy"\s+content="([^"]+)"/.exec(html)[1];
    const allowed = /connect-src ([^;]+)/.exec(policy)[1].split(' ');
    const shipped = JSON.parse(fs.readFileSync(path.join(ROOT, 'weights/models.json')));
    for (const url of shipped.flatMap(model => model.urls ?? [])) assert.ok(allowed.includes(new URL(url).origin), url);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
    for (const [, attributes, body] of html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)) {
      assert.match(attributes, /src="/);
      assert.equal(body.trim(), '');
    }
    assert.doesNotMatch(html, /(?:src|href)="\/|\sstyle="/, 'an absolute address or an inline style');
  });
});

describe('for everyone', () => {
  it('speaks Chinese when asked to, and remembers it', () => visit(async page => {
    await page.look(photo);
    await page.click(id('language'));
    await page.painted();
    assert.equal(await page.tab.evaluate(() => document.documentElement.lang), 'zh-CN');
    const ranking = await page.ranking();
    assert.deepEqual(ranking.map(row => row.name), ranking.map(row => LABELS[row.class].zh ?? LABELS[row.class].en));
    const text = await page.tab.evaluate(() => document.body.innerText);
    for (const words of ['它看到了什么', '热力图设置', '模型', '保存 PNG', '不透明度', '完成：']) assert.ok(text.includes(words), words);
    await page.tab.reload();
    await page.reach('ready');
    assert.equal(await page.text(`${id('language')}`), 'English');
  }));

  it('starts in Chinese in a Chinese browser', () => visit(async page => {
    assert.equal(await page.text(id('language')), 'English');
    assert.match(await page.text('h2'), /拖/);
  }, {
    before: tab => tab.evaluateOnNewDocument(() => Object.defineProperty(Navigator.prototype, 'languages', { get: () => ['zh-TW', 'en'] })),
  }));

  it('works by keyboard alone', () => visit(async page => {
    const press = key => page.tab.keyboard.press(key);
    const tabTo = async (what, selector) => {
      for (let presses = 0; presses < 60; presses++) {
        await press('Tab');
        const there = await page.tab.evaluate(selector => {
          const element = document.activeElement;
          if (!element.matches(selector)) return false;
          // A radio or a button drawn over it has to show where one is.
          const shows = [element, element.nextElementSibling].some(part => part && getComputedStyle(part).outlineStyle !== 'none');
          return shows || 'no focus to be seen';
        }, selector);
        if (there) return assert.equal(there, true, what);
      }
      assert.fail(`Tab never reaches ${what}`);
    };
    await tabTo('the sample', id('sample-chelsea'));
    await press('Enter');
    await page.reach('done');
    await page.tab.evaluate(() => document.activeElement.blur());
    await tabTo('the view', 'input[name="view"]');
    await press('ArrowRight');
    await page.painted();
    const plain = await page.pixels();
    await press('ArrowLeft');
    await page.painted();
    assert.ok(difference(await page.pixels(), plain) > 5);
    await tabTo('the opacity', id('opacity'));
    await press('End');
    assert.equal(await page.tab.$eval(id('opacity'), slider => slider.value), '1');

    const second = (await page.ranking())[1].class;
    await tabTo('the second class', `${id('top-k')} [data-class="${second}"] button`);
    await press('Enter');
    await page.explained();
    assert.ok((await page.ranking())[1].pressed);
    assert.ok(await page.tab.evaluate(() => document.activeElement.getAttribute('aria-pressed') === 'true'), 'focus stays on the class');
    await tabTo('the search', id('class-search'));
    await page.tab.keyboard.type('i');
    await press('ArrowDown');
    assert.equal(await page.tab.$eval(id('class-search'), field => field.getAttribute('aria-activedescendant')), 'class-option-1');
    const wanted = await page.tab.$eval('#class-option-1', option => Number(option.dataset.class));
    await press('Enter');
    await page.explained();
    assert.equal((await page.ranking()).find(row => row.pressed).class, wanted);
    await tabTo('the layer', 'input[name="stage"]');
    await press('ArrowLeft');
    await page.explained();
    assert.equal(await page.tab.$eval(id('layer-select'), select => select.value), 'layer3');
  }));

  it('fits a phone, with targets for a thumb', () => visit(async page => {
    await page.look(photo);
    for (const width of [390, 320]) {
      await page.tab.setViewport({ width, height: 844 });
      await page.painted();
      const { wide, small } = await page.tab.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        small: [...document.querySelectorAll('button, select, .segmented label, .swatches label')]
          .filter(element => element.offsetHeight > 0)
          .filter(element => { const box = element.getBoundingClientRect(); return box.height < 36 || box.width < 36; })
          .map(element => element.outerHTML.slice(0, 120)),
      }));
      assert.ok(wide <= width, `${wide} px wide on a screen of ${width}`);
      assert.deepEqual(small, []);
    }
  }));

  it('gives axe-core nothing serious to find, light and dark, before and after', () => visit(async page => {
    const audit = where => page.audit(where);
    for (const theme of ['light', 'dark']) if (await page.dress(theme)) await audit(`${theme}, empty`);
    await page.look(photo);
    for (const theme of ['dark', 'light']) if (await page.dress(theme)) await audit(`${theme}, explained`);
    await page.upload('photo-input', scratch('letter.jpg', Buffer.from('no photo')));
    await page.reach('error');
    await audit('with a complaint');
  }));
});
