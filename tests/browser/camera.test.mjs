// The camera (Chromium's fake one, which shows a moving pattern) and the tray of photos.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FAKE_CAMERA, chromium, difference, id, inEngine, scratch, serve, tinyModels, visitPage } from './support.mjs';
import { photoPng } from './tiny.mjs';

let browser;
let site;
const photo = scratch('photo.png', photoPng(120, 80));
const other = scratch('other.png', photoPng(90, 110, 2));

before(async () => {
  browser = await chromium(FAKE_CAMERA);
  site = await serve(tinyModels());
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const visit = (work, options) => visitPage(browser, site.url, work, options);

const maps = page => page.tab.$eval(id('status'), status => Number(status.dataset.maps));
const more = (page, than) => page.tab.waitForFunction((status, than) => Number(document.querySelector(status).dataset.maps) > than, { timeout: 60_000 }, id('status'), than);

describe('the camera', () => {
  it('paints a heatmap over frame after frame, pauses to explore, goes on and stops', () => visit(async page => {
    await page.click(id('camera-first'));
    await more(page, 0);
    const first = await page.pixels();
    assert.ok(first.width >= 320 && first.height >= 240);
    const before = await maps(page);
    await more(page, before + 3);
    assert.ok(difference(await page.pixels(), first) > 0.1, 'the picture stands still');
    assert.equal((await page.ranking()).length, 5);

    await page.click(id('camera-pause'));
    await page.painted();
    await page.reach('done');
    const paused = await maps(page);
    const still = await page.pixels();
    await new Promise(resolve => setTimeout(resolve, 700));
    assert.equal(await maps(page), paused, 'frames go on while paused');
    await page.pick((await page.ranking())[1].class);
    await more(page, paused); // behind a frame that may still be computed
    assert.equal(await maps(page), paused + 1);
    assert.deepEqual([still.width, still.height], [first.width, first.height]);

    await page.click(id('camera-pause'));
    await more(page, paused + 2);
    assert.ok((await page.ranking()).some(row => row.pressed), 'the class that was picked stays');
    await page.click(id('camera-stop'));
    await page.painted();
    const stopped = await maps(page);
    await new Promise(resolve => setTimeout(resolve, 500));
    assert.ok(await maps(page) <= stopped + 1, 'frames go on after the end');
    assert.ok(await page.tab.$eval('.camera-bar', bar => getComputedStyle(bar).display === 'none'));
  }));

  it('drops frames rather than queueing them', () => visit(async page => {
    // A GPU that takes ten frames' time for each: what waits would show as work after the camera has stopped.
    await page.click(id('camera-first'));
    await more(page, 2);
    await page.click(id('camera-stop'));
    const stopped = await maps(page);
    await new Promise(resolve => setTimeout(resolve, 1000));
    assert.ok(await maps(page) - stopped <= 1);
  }, {
    before: inEngine(() => {
      const real = GPUBuffer.prototype.mapAsync;
      GPUBuffer.prototype.mapAsync = async function (...options) {
        await new Promise(resolve => setTimeout(resolve, 150));
        return real.apply(this, options);
      };
    }),
  }));

  it('says what to do when the camera is refused', () => visit(async page => {
    await page.click(id('camera-first'));
    await page.reach('error');
    assert.match(await page.error(), /camera can't be used \(Permission denied\)/);
    await page.click(id('language'));
    assert.match(await page.error(), /无法使用摄像头/);
    await page.look(photo);
    assert.equal(await page.state(), 'done');
  }, {
    before: tab => tab.evaluateOnNewDocument(() => {
      MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
    }),
  }));
});

describe('the tray', () => {
  it('remembers each photo with all its settings', () => visit(async page => {
    await page.look(photo);
    const klass = (await page.ranking())[3].class;
    await page.pick(klass);
    await page.select('layer-select', 'layer3');
    await page.select('method-select', 'layer-cam');
    await page.select('objective', 'against');
    await page.slide(0.8);
    await page.radio('input[name="colours"][value="viridis"]');
    await page.tab.$eval(id('contours'), box => box.click());
    await page.painted();
    const first = await page.pixels();
    await page.look(other);
    await page.select('layer-select', 'layer2');
    await page.select('method-select', 'grad-cam');
    await page.select('objective', 'logit');
    await page.slide(0.3);
    await page.radio('input[name="colours"][value="jet"]');
    await page.tab.$eval(id('contours'), box => box.click());
    await page.painted();
    const second = await page.pixels();
    assert.equal((await page.tab.$$(`${id('tray')} li`)).length, 2);

    const back = async place => {
      const before = await maps(page);
      await page.click(`${id('tray')} li:nth-child(${place}) button`);
      await more(page, before);
      await page.reach('done');
    };
    await back(1);
    assert.equal((await page.ranking()).find(row => row.pressed).class, klass);
    assert.equal(await page.tab.$eval(id('layer-select'), select => select.value), 'layer3');
    assert.equal(await page.tab.$eval(id('method-select'), select => select.value), 'layer-cam');
    assert.equal(await page.tab.$eval(id('objective'), select => select.value), 'against');
    assert.equal(await page.tab.$eval('input[name="colours"][value="viridis"]', radio => radio.checked), true);
    assert.equal(difference(await page.pixels(), first), 0);
    await back(2);
    assert.equal(await page.tab.$eval(id('layer-select'), select => select.value), 'layer2');
    assert.equal(difference(await page.pixels(), second), 0);
    assert.equal(await page.tab.$eval(`${id('tray')} li:nth-child(2) button`, button => button.getAttribute('aria-pressed')), 'true');
  }));
});
