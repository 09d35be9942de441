// Whether what one sees can be clicked: every visible control gets the clicks on its middle, whatever is open, at every width.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { photoPng } from './tiny.mjs';
import { chromium, covered, id, open, scratch, serve, tinyModels } from './support.mjs';

let browser, site;
before(async () => {
  browser = await chromium();
  site = await serve(tinyModels());
});
after(async () => {
  await browser.close();
  await site.close();
});

const PANELS = ['layers', 'targets', 'compare', 'methods', 'concepts', 'detail', 'where', 'words', 'trust', 'swipe'];

describe('every control that is seen can be clicked', () => {
  for (const width of [390, 820, 1280]) {
    it(`at ${width} pixels, with each panel open, in both languages`, async () => {
      const page = await open(browser, site.url, { viewport: { width, height: 844 }, shaders: false });
      await page.reach('ready');
      assert.deepEqual(await covered(page), [], 'before a photo');
      const photo = scratch(`clicks-${width}.png`, photoPng(120, 80));
      await page.look(photo);
      for (const fold of ['closer', 'inside', 'inputs', 'teach']) {
        await page.tab.evaluate(fold => { const details = document.querySelector(fold); if (details) details.open = true; }, id(fold));
      }
      // What stands beside it, and a pack of two.
      await page.tab.$eval('input[name="teach"][value="pack"]', radio => radio.click());
      await page.upload('pack-input', photo, scratch(`no-photo-${width}.png`, 'x'));
      await page.tab.waitForSelector('.pack-tile img');
      await page.tab.$eval('input[name="teach"][value="compare"]', radio => radio.click());
      await page.upload('compare-input', photo);
      await page.tab.waitForSelector(`${id('compare-right')}:not([hidden])`);
      for (const language of ['en', 'zh']) {
        for (const panel of PANELS) {
          await page.tab.$eval(`input[name="panel"][value="${panel}"]`, radio => radio.click());
          await page.painted();
          assert.deepEqual(await covered(page), [], `${panel}, ${language}`);
        }
        for (const part of ['predict', 'cover', 'compare', 'pack', 'report', 'lessons']) {
          await page.tab.$eval(`input[name="teach"][value="${part}"]`, radio => radio.click());
          await page.painted();
          assert.deepEqual(await covered(page), [], `${part}, ${language}`);
        }
        await page.tab.$eval(id('language'), button => button.click());
        await page.painted();
      }
      await page.close();
    });
  }
});
