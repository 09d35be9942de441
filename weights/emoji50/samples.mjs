// Draws the page's sample pictures: emoji on simple hand-made grounds, 448x448 PNG, into samples/ with samples.json.
//
//   npm install && node samples.mjs [out-dir]        (default: ./samples)
//
// Only styles that may be shipped: noto (Apache 2.0) and fluent-emoji-flat (MIT); README.md gives the attributions.
// To add a picture, add an entry to PICTURES: a ground (SVG on a 448x448 canvas) and objects with centre and width.
// Check a new one with `python check_samples.py`: every object must be among the model's first five answers.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";

const require = createRequire(import.meta.url);
const here = path.dirname(new URL(import.meta.url).pathname);
const out = path.resolve(process.argv[2] ?? path.join(here, "samples"));
const SIDE = 448;

const rect = (fill, y = 0, h = SIDE) => `<rect x="0" y="${y}" width="${SIDE}" height="${h}" fill="${fill}"/>`;
const blob = (fill, cx, cy, rx, ry) => `<ellipse cx="${cx}" cy="${cy}" rx="${rx}" ry="${ry}" fill="${fill}"/>`;
const circle = (fill, cx, cy, r) => blob(fill, cx, cy, r, r);
const checks = (a, b, n) => {
  const s = SIDE / n;
  let cells = rect(a);
  for (let y = 0; y < n; y++)
    for (let x = y % 2; x < n; x += 2) cells += `<rect x="${x * s}" y="${y * s}" width="${s}" height="${s}" fill="${b}"/>`;
  return cells;
};

const PICTURES = [
  {
    name: "cat-dog",
    en: "A cat and a dog",
    zh: "猫和狗",
    ground:
      rect("#cfeaf7") + circle("#fff3c9", 360, 84, 44) + blob("#b5dca0", 90, 372, 260, 120) + blob("#a3d08d", 380, 392, 260, 130) + rect("#93c57e", 388),
    objects: [
      { id: "cat", icon: "noto/cat", x: 118, y: 292, w: 196 },
      { id: "dog", icon: "noto/dog", x: 328, y: 276, w: 204 },
    ],
  },
  {
    name: "pizza-guitar",
    en: "Pizza and a guitar",
    zh: "比萨饼和吉他",
    ground: rect("#f6dfd3") + circle("#efc9b8", 224, 224, 196) + circle("#f6dfd3", 224, 224, 150),
    objects: [
      { id: "pizza", icon: "noto/pizza", x: 126, y: 302, w: 186 },
      { id: "guitar", icon: "noto/guitar", x: 304, y: 146, w: 218 },
    ],
  },
  {
    name: "bus-scooter",
    en: "A bus and a motor scooter",
    zh: "公共汽车和踏板摩托车",
    ground:
      rect("#d9eef5") +
      [[14, 120, 74], [96, 70, 62], [166, 140, 88], [262, 96, 70], [340, 128, 92]].map(([x, y, w]) => `<rect x="${x}" y="${y}" width="${w}" height="220" rx="4" fill="#bfdbe6"/>`).join("") +
      rect("#a9b8bf", 300) + rect("#c9d3d8", 286, 14) +
      [20, 132, 244, 356].map((x) => `<rect x="${x}" y="366" width="64" height="9" rx="4" fill="#eef2f4"/>`).join(""),
    objects: [
      { id: "bus", icon: "noto/bus", x: 140, y: 226, w: 216 },
      { id: "scooter", icon: "noto/motor-scooter", x: 338, y: 342, w: 168 },
    ],
  },
  {
    name: "elephant-mouse",
    en: "An elephant and a mouse",
    zh: "大象和老鼠",
    ground: rect("#fbe6bf") + circle("#f8cf8d", 352, 110, 58) + blob("#e8c27e", 120, 360, 280, 90) + rect("#deb26b", 350),
    objects: [
      { id: "elephant", icon: "noto/elephant", x: 148, y: 206, w: 244 },
      { id: "mouse", icon: "noto/mouse", x: 346, y: 332, w: 174 },
    ],
  },
  {
    name: "breakfast",
    en: "Breakfast",
    zh: "早餐",
    ground: checks("#fdf6ec", "#dcebe6", 8),
    objects: [
      { id: "fried-egg", icon: "noto/cooking", x: 136, y: 132, w: 226 },
      { id: "cup", icon: "noto/hot-beverage", x: 336, y: 128, w: 164 },
      { id: "strawberry", icon: "noto/strawberry", x: 262, y: 336, w: 158 },
    ],
  },
  {
    name: "under-water",
    en: "Under water",
    zh: "水下",
    ground:
      rect("#bfe4ef") + rect("#a8d8e8", 150) + rect("#93cbdf", 290) + blob("#eadcb4", 224, 448, 320, 62) +
      [[70, 80, 8], [92, 50, 5], [382, 214, 9], [402, 178, 5], [230, 60, 6]].map(([x, y, r]) => circle("#e4f4f9", x, y, r)).join(""),
    objects: [
      { id: "octopus", icon: "noto/octopus", x: 124, y: 178, w: 188 },
      { id: "dolphin", icon: "noto/dolphin", x: 330, y: 136, w: 190 },
      { id: "crab", icon: "noto/crab", x: 304, y: 342, w: 164 },
    ],
  },
];

fs.mkdirSync(out, { recursive: true });
for (const { name, ground, objects } of PICTURES) {
  const icons = objects.map(({ icon, x, y, w }) => {
    const [style, key] = icon.split("/");
    const set = require(`@iconify-json/${style}/icons.json`);
    const i = set.icons[key];
    const [iw, ih] = [i.width ?? set.width ?? 16, i.height ?? set.height ?? 16];
    // Gradients are named per drawing; two drawings in one picture must not share names.
    const body = i.body.replace(/(id="|url\(#|href="#)/g, `$1${key}-`);
    const h = (w * ih) / iw;
    return `<svg x="${x - w / 2}" y="${y - h / 2}" width="${w}" height="${h}" viewBox="${i.left ?? 0} ${i.top ?? 0} ${iw} ${ih}">${body}</svg>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${SIDE}" height="${SIDE}" viewBox="0 0 ${SIDE} ${SIDE}">${ground}${icons.join("")}</svg>`;
  fs.writeFileSync(path.join(out, `${name}.png`), new Resvg(svg).render().asPng());
}
const rows = PICTURES.map(({ name, en, zh, objects }) => JSON.stringify({ file: `${name}.png`, en, zh, classes: objects.map((o) => o.id) }));
fs.writeFileSync(path.join(out, "samples.json"), `[\n${rows.join(",\n")}\n]\n`);
