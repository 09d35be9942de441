// Renders every drawing of every class in every style to a 192x192 PNG with transparency, and lists them in index.json.
//
//   npm install && node render.mjs [out-dir]        (default: ./build)
//
// Does not compose scenes (scenes.py does) and downloads nothing but the npm packages in package.json.
// To add a class, add a row to classes.json; to add a style, add a row to STYLES and its package to package.json.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";

const require = createRequire(import.meta.url);
const here = path.dirname(new URL(import.meta.url).pathname);
const out = path.resolve(process.argv[2] ?? "build");
const SIZE = 192;
// An empty rim, so that an outline drawn around the object (scenes.py) isn't cut off.
const RIM = 0.06;

// kind: "held-out" is only ever tested on; all others are trained on. "colour" styles are emoji; "icon" and "mono" sets draw
// some of the classes only, under names of their own: they add other hands, and are never tested on.
const STYLES = {
  noto: "colour",
  "noto-v1": "colour",
  twemoji: "colour",
  emojione: "colour",
  "fluent-emoji": "colour",
  "fluent-emoji-flat": "colour",
  fxemoji: "colour",
  "streamline-emojis": "colour",
  "fluent-emoji-high-contrast": "mono",
  "emojione-monotone": "mono",
  "icon-park": "icon",
  marketeq: "icon",
  "streamline-color": "icon",
  "streamline-cyber-color": "icon",
  "streamline-kameleon-color": "icon",
  "streamline-plump-color": "icon",
  "game-icons": "mono",
  mdi: "mono",
  ph: "mono",
  tabler: "mono",
  openmoji: "held-out",
  // An emoji set again, but it lacks a fifth of the classes: counted among the icons.
  "emojione-v1": "icon",
  "icon-park-twotone": "mono",
  "icon-park-outline": "mono",
  "fa6-solid": "mono",
  "fluent -24-regular": "mono",
  hugeicons: "mono",
  iconoir: "mono",
  lucide: "mono",
  "lucide-lab": "mono",
  "material-symbols -outline": "mono",
  "mingcute -fill": "mono",
  "mingcute -line": "mono",
  "ph -duotone": "mono",
  "solar -bold-duotone": "mono",
  streamline: "mono",
};

// Colour styles are rendered a second time with every shape's border drawn in ink (kind "inked"), as some sets draw everything:
// the commonest difference between one emoji style and another. Borders of shading make gradients' styles too busy for it.
const INKED = new Set(["noto", "noto-v1", "twemoji", "emojione", "fluent-emoji-flat", "fxemoji"]);
const INK = `<style>path,circle,ellipse,rect,polygon,polyline,line{stroke:#000;stroke-linejoin:round;stroke-linecap:round;stroke-width:WIDTH}</style>`;
const INK_WIDTH = 0.022; // of the drawing's side

// What icon sets call by a class's name though it is something else; and their "bug" is a beetle, emoji's (the class) a caterpillar.
const NOT_THE_EMOJI = new Set(
  `icon-park/anchor icon-park/doughnut icon-park/cooking icon-park/scissors icon-park/mouse marketeq/avocado marketeq/mouse
  streamline-color/mouse streamline-cyber-color/mouse mdi/mouse mdi/cup mdi/scooter ph/mouse ph/scooter tabler/mouse tabler/cup
  tabler/scooter game-icons/ram game-icons/pig-face icon-park-twotone/anchor icon-park-outline/anchor icon-park-twotone/doughnut
  icon-park-outline/doughnut icon-park-twotone/cooking icon-park-outline/cooking icon-park-twotone/mouse icon-park-outline/mouse
  icon-park-twotone/scissors icon-park-outline/scissors icon-park/turkey icon-park-twotone/turkey icon-park-outline/turkey icon-park/chicken
  icon-park-twotone/chicken icon-park-outline/chicken lucide/mouse lucide/scooter material-symbols-outline/mouse-outline
  material-symbols-outline/scooter material-symbols-outline/cooking-outline material-symbols-outline/owl-outline
  material-symbols-outline/camera-outline material-symbols-outline/ambulance-outline mingcute-fill/chicken-fill mingcute-line/chicken-line
  mingcute-fill/deer-fill mingcute-line/deer-line mingcute-fill/mouse-fill mingcute-line/mouse-line mingcute-fill/scooter-fill
  mingcute-line/scooter-line ph-duotone/mouse-duotone ph-duotone/scooter-duotone solar-bold-duotone/cup-bold-duotone
  solar-bold-duotone/mouse-bold-duotone streamline/mouse`.split(/\s+/),
);

// Left out: resvg aborts the whole process on these (it cannot be caught), and streamline draws turkey as the flag.
const SKIP = new Set(["fluent-emoji/tiger-face", "fluent-emoji/peacock", "noto-v1/ambulance", "noto-v1/lady-beetle", "noto-v1/bullet-train", "streamline-emojis/turkey"]);

const classes = JSON.parse(fs.readFileSync(path.join(here, "classes.json"), "utf8"));
fs.mkdirSync(path.join(out, "png"), { recursive: true });
const index = [];
for (const [key, kind] of Object.entries(STYLES)) {
  const [pack, ending = ""] = key.split(" ");
  const style = pack + ending;
  const set = require(`@iconify-json/${pack}/icons.json`);
  for (const { id, icons } of classes) {
    const seen = new Set();
    for (const bare of [id, ...icons]) {
      const name = bare + ending;
      const real = set.icons[name] ? name : set.aliases?.[name]?.parent;
      if (!real || seen.has(real) || SKIP.has(`${style}/${real}`) || NOT_THE_EMOJI.has(`${style}/${real}`)) continue;
      if (id === "bug" && (kind === "icon" || kind === "mono") && !/emoji/.test(style)) continue;
      seen.add(real);
      const icon = set.icons[real];
      const w = icon.width ?? set.width ?? 16;
      const h = icon.height ?? set.height ?? 16;
      const side = Math.max(w, h) * (1 + 2 * RIM);
      const x = (icon.left ?? 0) + w / 2 - side / 2;
      const y = (icon.top ?? 0) + h / 2 - side / 2;
      const ink = INK.replace("WIDTH", INK_WIDTH * Math.max(w, h));
      for (const [as, head] of INKED.has(style) ? [[kind, ""], ["inked", ink]] : [[kind, ""]]) {
        const file = `png/${style}${as === "inked" ? "+ink" : ""}__${real}.png`;
        const svg =
          `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
          `viewBox="${x} ${y} ${side} ${side}" width="${SIZE}" height="${SIZE}">${head}${icon.body}</svg>`;
        // Written before rendering: after an abort it names the drawing to add to SKIP.
        fs.writeFileSync(path.join(out, "last.txt"), `${style}/${real}`);
        if (!fs.existsSync(path.join(out, file))) {
          const png = new Resvg(svg, { fitTo: { mode: "width", value: SIZE } }).render().asPng();
          fs.writeFileSync(path.join(out, file), png);
        }
        index.push({ file, style: as === "inked" ? `${style}+ink` : style, kind: as, icon: real, cls: id });
      }
    }
  }
}
fs.writeFileSync(path.join(out, "index.json"), JSON.stringify(index));
const count = (key) => index.reduce((n, e) => ({ ...n, [e[key]]: (n[e[key]] ?? 0) + 1 }), {});
console.log(index.length, "drawings of", new Set(index.map((e) => e.cls)).size, "classes", count("style"));
for (const { id } of classes)
  if (!index.some((e) => e.cls === id && e.kind === "held-out")) console.log("not drawn in openmoji:", id);
