"""Adds what a class is searched by to labels.json: "also", other names, and "pinyin", its Chinese names' sounds.

    pip install pypinyin==0.55.0; apt-get install wordnet-base
    python search_terms.py timm-1.0.31-py3-none-any.whl [/usr/share/wordnet]      (pip download --no-deps timm==1.0.31)
    python search_terms.py --pinyin ../emoji50/labels.json                        sounds alone

Other English names are WordNet's: those of the class, the first two of each thing that it is a kind of (but for those in VAGUE), and
of its young ("puppy"). Which of WordNet's entries a class is, in the order of ImageNet's classes, is in timm. Everyday names of such kinds
that WordNet lacks are our own (KINDS); the sounds are pypinyin's. Run again after the names of labels.json changed: its other fields are made anew.

WordNet 3.0: Princeton University, WordNet licence. timm: Apache 2.0. pypinyin: MIT.
"""

import json
import pathlib
import sys
import zipfile

from pypinyin import Style, lazy_pinyin

# These say too little to search for.
VAGUE = set("""entity object whole unit artifact artefact instrumentality instrumentation device matter substance organism being
physical_entity physical_object living_thing animate_thing causal_agent cause causal_agency person thing abstraction attribute
chordate vertebrate craniate placental placental_mammal eutherian eutherian_mammal arthropod invertebrate article commodity trade_good
good consumer_goods covering structure construction mechanism equipment implement conveyance transport way solid solid_food food
nutrient foodstuff food_product creation product facility installation body_covering system unit_of_measurement natural_object
part portion component constituent plant_organ plant_part reproductive_structure protective_covering protective_cover protection
obstruction obstructor obstructer impediment impedimenta supporting_structure support assembly piece sheet region location area
carnivore ungulate hoofed_mammal diapsid aquatic_vertebrate container wheeled_vehicle self-propelled_vehicle
vessel opening machine furnishing barrier course dish geological_formation formation external_body_part feature hunting_dog
working_dog sporting_dog gun_dog domestic_animal domesticated_animal""".split())

KINDS = {
    "dog": "狗 小狗 狗狗 犬", "domestic_cat": "kitten 猫 小猫 猫咪", "big_cat": "大猫", "bird": "鸟 小鸟", "fish": "鱼", "monkey": "猴子", "ape": "猿 猩猩",
    "snake": "蛇", "frog": "青蛙", "spider": "蜘蛛", "butterfly": "蝴蝶", "beetle": "甲虫", "bear": "熊", "fox": "狐狸", "wolf": "狼", "shark": "鲨鱼",
    "turtle": "乌龟", "lizard": "蜥蜴", "insect": "昆虫 虫子", "sheep": "羊 绵羊", "bovine": "cow cattle 牛", "swine": "猪", "rabbit": "兔子", "duck": "鸭子",
    "car": "汽车 轿车 小汽车", "bicycle": "自行车 单车 脚踏车", "truck": "卡车 货车", "bus": "公交车 公共汽车", "ship": "船 轮船", "boat": "船 小船",
    "airplane": "plane aeroplane 飞机", "train": "火车", "computer": "电脑 计算机", "telephone": "电话", "cellular_telephone": "手机 移动电话", "hat": "帽子", "shoe": "鞋 鞋子", "chair": "椅子",
    "table": "桌子", "bed": "床", "lamp": "灯", "clock": "钟 时钟", "ball": "球", "cup": "杯子", "bottle": "瓶子", "pen": "笔", "knife": "刀",
    "fruit": "水果", "vegetable": "蔬菜", "mushroom": "蘑菇", "flower": "花", "bread": "面包", "stringed_instrument": "乐器 弦乐器",
    "wind_instrument": "乐器 管乐器", "percussion_instrument": "乐器 打击乐器", "keyboard_instrument": "乐器 键盘乐器",
}


def wordnet(folder):
    """Offset → (words, hypernyms, hyponyms)."""
    entries = {}
    for line in open(pathlib.Path(folder) / "data.noun", encoding="latin-1"):
        if line.startswith("  "):
            continue
        fields = line.split(" | ")[0].split()
        count = int(fields[3], 16)
        words = [fields[4 + 2 * n].lower() for n in range(count)]
        rest = fields[4 + 2 * count:]
        pointers = [rest[1 + 4 * n:5 + 4 * n] for n in range(int(rest[0]))]
        to = lambda kinds: [offset for kind, offset, *_ in pointers if kind in kinds]
        entries[fields[0]] = (words, to(("@", "@i")), to(("~", "~i")))
    return entries


def main(wheel, folder="/usr/share/wordnet"):
    with zipfile.ZipFile(wheel) as archive:
        synsets = archive.read("timm/data/_info/imagenet_synsets.txt").decode().split()
    entries = wordnet(folder)

    def above(offset):
        """The entry and what it is a kind of, nearest first."""
        seen, level = [], [offset]
        while level:
            seen += [one for one in level if one not in seen]
            level = [up for one in level for up in entries[one][1]]
        return seen

    young = {offset for offset, (words, _, _) in entries.items() if words[0] == "young_mammal"}
    is_young = lambda offset: bool(young & set(above(offset)))
    term = lambda word: word.replace("_", " ")

    path = pathlib.Path(__file__).with_name("labels.json")
    labels = json.loads(path.read_text(encoding="utf-8"))
    assert len(labels) == len(synsets) == 1000
    for label, synset in zip(labels, synsets):
        terms = [term(word) for word in entries[synset[1:]][0]]
        for offset in above(synset[1:]):
            words = entries[offset][0]
            if words[0] not in VAGUE:
                terms += [term(word) for word in words[:2]]
            terms += [term(word) for down in entries[offset][2] if is_young(down) for word in entries[down][0][:1]
                      if words[0] not in VAGUE]
            terms += [word for kind in words[:1] for word in KINDS.get(kind, "").split()]
        known = {label["en"].lower(), label["zh"]}
        label["also"] = [word for word in dict.fromkeys(terms) if word not in known]
        label["pinyin"] = sounds([label["zh"]] + [word for word in label["also"] if not word.isascii()])
    write(path, labels)


def sounds(names):
    return [" ".join(lazy_pinyin(name, style=Style.NORMAL)) for name in names]


def write(path, labels):
    rows = ",\n".join("  " + json.dumps(label, ensure_ascii=False) for label in labels)
    path.write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if sys.argv[1] == "--pinyin":
    file = pathlib.Path(sys.argv[2])
    known = json.loads(file.read_text(encoding="utf-8"))
    write(file, [{**label, "pinyin": sounds([label["zh"]])} for label in known])
else:
    main(*sys.argv[1:])
