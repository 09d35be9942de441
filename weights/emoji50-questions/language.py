"""What can be asked of a scene whose objects are known: questions in English and Chinese with their answers, from questions.json.

The network reads a template's `words`; `patterns` are other ways to say the same, for whoever reads what a person typed. A
word may be several that always go together ("left of"). Nouns are one word a class and language: they follow `words`, first
all English ones, then all Chinese ones, so plurals needn't be learnt. Chinese has a measure word a class (几只猫).

Nothing is asked that a person could dispute: a direction must dominate, sizes must differ by CLEAR, "the cat" is the only cat.
"""
import json
import pathlib

CLEAR = 1.3  # a direction counts when its offset is this many times the other's; a size when it is this many times the next
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
KINDS = ("exists", "count", "place", "largest", "more", "relation")
LANGUAGES = ("en", "zh")
COUNT_ALL = 0.25  # how often "how many" asks for all things
COUNT_ABSENT = 0.15  # how often it asks for something that isn't there


class Language:
    def __init__(self, path=pathlib.Path(__file__).parent / "questions.json"):
        data = json.loads(path.read_text())
        self.data, self.nouns, self.places = data, data["nouns"], data["places"]
        self.classes = len(self.nouns)
        self.words = len(data["words"]) + 2 * self.classes
        self.ids = {word: i for i, word in enumerate(data["words"])}
        self.templates = {(t["kind"], t["language"], "{noun}" in t["words"]): t["words"] for t in data["templates"]}
        self.answers = [a["id"] for a in data["answers"]]
        self.first_class = len(self.answers) - self.classes  # the answers that name a class are the last

    def question(self, kind, language, noun=None, other=None, place=None):
        """The ids of a question's words."""
        after = len(self.ids) + self.classes * LANGUAGES.index(language)
        slots = {"{noun}": noun is not None and after + noun, "{other}": other is not None and after + other}
        if place:
            slots["{place}"] = self.ids[self.places[place][language][0]]
        if noun is not None:
            slots["{measure}"] = self.ids[self.nouns[noun]["measure"]]
        return [slots[word] if word in slots else self.ids[word] for word in self.templates[kind, language, noun is not None]]

    def answer(self, name):
        return self.answers.index(name)


def objects_of(labels, boxes, areas):
    """[(class, centre x, centre y, area)] of one scene of features.py."""
    return [(int(c), float(b[0] + b[2]) / 2, float(b[1] + b[3]) / 2, float(s)) for c, b, s in zip(labels, boxes, areas) if c >= 0]


def mirrored(objects, side=224):
    return [(c, side - x, y, s) for c, x, y, s in objects]


def relation(a, b, clear=CLEAR):
    """Where object a is, seen from b; None where two directions compete: one offset is less than `clear` times the other."""
    dx, dy = a[1] - b[1], a[2] - b[2]
    if abs(dx) >= clear * abs(dy):
        return "left" if dx < 0 else "right"
    if abs(dy) >= clear * abs(dx):
        return "above" if dy < 0 else "below"
    return None


def ask(lang, rng, objects, kind, language):
    """A question of a kind: (words, answer, classes that the answer is about, anchor classes), or None where the scene allows none."""
    counts = {}
    for o in objects:
        counts[o[0]] = counts.get(o[0], 0) + 1
    absent = lambda: rng.choice([c for c in range(lang.classes) if c not in counts])
    yes = rng.random() < 0.5
    yes_or_no = lang.answer("yes" if yes else "no")
    if kind == "exists":
        c = rng.choice(list(counts)) if yes else absent()
        return lang.question(kind, language, c), yes_or_no, [c] if yes else [], []
    if kind == "count":
        p = rng.random()
        if p < COUNT_ALL:
            return lang.question(kind, language), lang.answer(str(len(objects))), list(counts), []
        c = absent() if p < COUNT_ALL + COUNT_ABSENT else rng.choices(list(counts), [n**2 for n in counts.values()])[0]
        return lang.question(kind, language, c), lang.answer(str(counts.get(c, 0))), [c] if c in counts else [], []
    if kind == "place":
        options = []
        for a in objects:
            if counts[a[0]] > 1:
                continue
            others = [o for o in objects if o is not a]
            for place in OPPOSITE:
                there = {o[0] for o in others if relation(o, a) == place}
                # Whoever lies that way, but hardly more so than another way, could be meant or not: then it isn't asked.
                sides = lambda o: ("left" if o[1] < a[1] else "right", "above" if o[2] < a[2] else "below")
                disputed = any(relation(o, a) is None and place in sides(o) for o in others)
                if len(there) == 1 and not disputed:
                    options.append((a[0], place, there.pop()))
        if not options:
            return None
        a, place, b = rng.choice(options)
        return lang.question(kind, language, a, place=place), lang.first_class + b, [b], [a]
    if kind == "largest":
        ranked = sorted(objects, key=lambda o: -o[3])
        others = [o for o in ranked if o[0] != ranked[0][0]]
        if not others or ranked[0][3] < CLEAR * others[0][3]:
            return None
        return lang.question(kind, language), lang.first_class + ranked[0][0], [ranked[0][0]], []
    if kind == "more":
        if len(set(counts.values())) < 2:  # only where both answers are possible: otherwise it would mostly be "no"
            return None
        a, b = rng.choice([(a, b) for a in counts for b in counts if a != b and (counts[a] > counts[b]) == yes])
        return lang.question(kind, language, a, b), yes_or_no, [a, b], []
    single = [o for o in objects if counts[o[0]] == 1]
    if len(single) < 2:
        return None
    a, b = rng.sample(single, 2)
    place = relation(a, b)
    if place is None:
        return None
    return lang.question(kind, language, a[0], b[0], place if yes else OPPOSITE[place]), yes_or_no, [a[0]], [b[0]]
