// Takes the pictures of README.md, of the built page with its own model: node assets/screenshots.mjs
//
// Needs dist/ (scripts/serve --build) and what the browser tests need (npm ci --prefix tests/browser).
import path from 'node:path';
import { chromium, id, open, ROOT, serve } from '../tests/browser/support.mjs';

const to = name => path.join(ROOT, 'assets', `screenshot-${name}.png`);
const browser = await chromium();
const site = await serve();

/** The page after a click on the sample with a dog and a cat, computed as it computes unless asked otherwise. */
async function sample(viewport) {
  const page = await open(browser, site.url, { viewport, shaders: false });
  await page.reach('ready');
  await page.tab.click(id('sample-dog-cat'));
  await page.reach('done');
  return page;
}

async function choose(page, name) {
  const { class: found } = (await page.ranking()).find(row => row.name === name);
  await page.pick(found);
}

const desktop = await sample({ width: 1280, height: 900 });
await choose(desktop, 'German shepherd');
await desktop.painted();
await desktop.tab.screenshot({ path: to('desktop') });

await desktop.tab.click(id('tour-start'));
const step = number => desktop.tab.waitForFunction((tour, number) => {
  const card = document.querySelector(tour);
  return card?.dataset.step === number && !card.textContent.includes('Working on it');
}, {}, id('tour'), String(number));
for (const number of [2, 3, 4, 5]) {
  await desktop.tab.click(id('tour-next'));
  await step(number);
}
await desktop.painted();
await desktop.tab.screenshot({ path: to('tour') });
await desktop.close();

const closer = await sample({ width: 1000, height: 1000 });
await choose(closer, 'German shepherd');
await closer.tab.$eval(id('closer'), details => { details.open = true; });
await closer.tab.$eval('input[name="panel"][value="trust"]', radio => radio.click());
await (await closer.tab.waitForSelector(id('trust'))).click();
await closer.painted();
await closer.tab.waitForSelector(`${id('panel')}[aria-busy="false"]`, { timeout: 120_000 });
await closer.painted();
await (await closer.tab.$(id('closer'))).screenshot({ path: to('closer') });
await closer.close();

const phone = await sample({ width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
await choose(phone, 'Egyptian cat');
await phone.painted();
await phone.tab.screenshot({ path: to('phone') });
await phone.close();

await browser.close();
await site.close();
