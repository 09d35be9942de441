"""What is said of a scene whose objects are known: captions in English and Chinese, from captions.json, and what a caption claims.

A word may be several that always go together ("left of"). Nouns are one word a class and language: they follow `words`, first all
English ones, then all Chinese ones; a plural is no other word ("two", "cat"). Chinese counts with a measure word a class (两只猫).

Groups are said by their area, largest first. Where the second lies from the first is said if every one of the one group lies that way
from every one of the other, clearly (emoji50-questions' `relation`): "a strawberry above a cat", 猫的上方有一颗草莓.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent / "emoji50-questions"))

from language import CLEAR, LANGUAGES, mirrored, objects_of, relation  # noqa: E402,F401


class Language:
    def __init__(self, path=HERE / "captions.json"):
        data = json.loads(path.read_text())
        self.data, self.nouns, self.places, self.longest = data, data["nouns"], data["places"], data["longest"]
        self.numbers = data["numbers"]
        self.classes, self.first_noun = len(self.nouns), len(data["words"])
        self.words = self.first_noun + 2 * self.classes
        self.ids = {word: i for i, word in enumerate(data["words"])}
        self.end = self.ids["<end>"]

    def noun(self, language, c):
        return self.first_noun + self.classes * LANGUAGES.index(language) + c

    def class_of(self, word):
        """The class that a word names, or None."""
        return (word - self.first_noun) % self.classes if word >= self.first_noun else None

    def start(self, language):
        """What the decoder reads before the first word: it looks twice, silently, then learns which language to speak."""
        return 2 * [self.ids["<look>"]] + [self.ids[f"<{language}>"]]

    def text(self, words):
        """Words as they are, apart: for logs."""
        names = [n["en"][0] for n in self.nouns] + [n["zh"] for n in self.nouns]
        return " ".join(self.data["words"][w] if w < self.first_noun else names[w - self.first_noun] for w in words)


def groups_of(objects):
    """[(class, its objects)], most area first."""
    by = {}
    for o in objects:
        by.setdefault(o[0], []).append(o)
    return sorted(by.items(), key=lambda group: -sum(o[3] for o in group[1]))


def groups_relation(a, b, clear=CLEAR):
    """The one direction in which every object of a lies from every one of b, or None."""
    found = {relation(p, q, clear) for p in a for q in b}
    return found.pop() if len(found) == 1 else None


def caption(lang, objects, language):
    """The ids of the scene's caption, with its end."""
    groups = groups_of(objects)
    ids, places = lang.ids, lang.places

    def say(group, bare=False):
        c, members = group
        if language == "en":
            return [ids[lang.numbers["en"][len(members) - 1]], lang.noun("en", c)]
        if bare and len(members) == 1:
            return [lang.noun("zh", c)]
        return [ids[lang.numbers["zh"][len(members) - 1]], ids[lang.nouns[c]["measure"]], lang.noun("zh", c)]

    where = groups_relation(groups[0][1], groups[1][1]) if len(groups) > 1 else None
    rest = groups[2:] if where else groups[1:]
    joins = {"en": ("and", ",", "and"), "zh": ("还有", "、", "和")}[language]  # behind a place, between, before the last
    if where and language == "en":
        said = say(groups[0]) + [ids[places[where]["en"]]] + say(groups[1])
    elif where:
        said = say(groups[1], bare=True) + [ids[places[where]["zh"]], ids["有"]] + say(groups[0])
    else:
        said = say(groups[0])
    for i, group in enumerate(rest):
        said += [ids[joins[0] if where else joins[2] if i == len(rest) - 1 else joins[1]]] + say(group)
    return said + [lang.end]


def understood(lang, said):
    """What a caption claims: {class: count}, and (class, direction, class) or None."""
    names = lang.data["words"]
    direction = {p[which]: d for d, p in lang.places.items() for which in LANGUAGES}
    groups, where, number, chinese = [], None, 1, False
    for word in said:
        if word == lang.end:
            break
        c, name = lang.class_of(word), names[word] if word < lang.first_noun else ""
        if c is not None:
            groups.append((c, number))
            number = 1
        for which in LANGUAGES:
            if name in lang.numbers[which]:
                number = lang.numbers[which].index(name) + 1
        if name in direction:
            where, chinese = (len(groups), direction[name]), name == lang.places[direction[name]]["zh"]
    if where is None or not 0 < where[0] < len(groups):
        return dict(groups), None
    first, second = groups[where[0] - 1][0], groups[where[0]][0]
    return dict(groups), (second, where[1], first) if chinese else (first, where[1], second)
