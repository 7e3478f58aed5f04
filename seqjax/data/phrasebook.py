"""English sentences and their German translations, made from a small grammar.

Nothing is downloaded, and the translation is right: gender, case and the endings of adjectives
agree (nominative and accusative; strong endings after "ein", weak ones after "der"), the finite
verb stands second, so that it and the subject change places behind an adverb, and an infinitive
goes to the end. Every sentence of the grammar occurs once.
"""

from functools import lru_cache
from itertools import product

# English, German, gender
PEOPLE = (
    ("man", "Mann", "m"),
    ("dog", "Hund", "m"),
    ("woman", "Frau", "f"),
    ("cat", "Katze", "f"),
    ("child", "Kind", "n"),
    ("girl", "Mädchen", "n"),
)
THINGS = (
    ("ball", "Ball", "m"),
    ("apple", "Apfel", "m"),
    ("flower", "Blume", "f"),
    ("lamp", "Lampe", "f"),
    ("book", "Buch", "n"),
    ("house", "Haus", "n"),
)
ADJECTIVES = (("", ""), ("small", "klein"), ("old", "alt"), ("red", "rot"))
# English third person and infinitive, German the same
VERBS = (
    ("sees", "see", "sieht", "sehen"),
    ("finds", "find", "findet", "finden"),
    ("paints", "paint", "malt", "malen"),
)
ADVERBS = (("", ""), ("today", "heute"), ("here", "hier"))
ARTICLES = {
    "the": {"m": ("der", "den"), "f": ("die", "die"), "n": ("das", "das")},
    "a": {"m": ("ein", "einen"), "f": ("eine", "eine"), "n": ("ein", "ein")},
}
ENDINGS = {
    "the": {"m": ("e", "en"), "f": ("e", "e"), "n": ("e", "e")},
    "a": {"m": ("er", "en"), "f": ("e", "e"), "n": ("es", "es")},
}
NOMINATIVE, ACCUSATIVE = range(2)


@lru_cache(maxsize=1)
def pairs() -> tuple[tuple[str, str], ...]:
    """All sentences of the grammar with their translations."""
    subjects = list(product(ARTICLES, (("", ""), ADJECTIVES[1]), PEOPLE))
    objects = list(product(ARTICLES, ADJECTIVES, THINGS))
    parts = product(ADVERBS, subjects, VERBS, (False, True), objects)
    return tuple(sentence(*part) for part in parts)


def sentence(adverb: tuple, subject: tuple, verb: tuple, wants: bool, object_: tuple) -> tuple:
    """A sentence and its translation; with `wants`, of wanting to do what the verb says."""
    third, infinitive, dritte, grundform = verb
    (ours, mine), (theirs, its) = phrase(*subject, NOMINATIVE), phrase(*object_, ACCUSATIVE)
    english = [ours, f"wants to {infinitive}" if wants else third, theirs]
    finite = "will" if wants else dritte
    german = [adverb[1], finite, mine] if adverb[1] else [mine, finite]
    german += [its, grundform] if wants else [its]
    return _written([adverb[0], *english]), _written(german)


def phrase(article: str, adjective: tuple, noun: tuple, case: int) -> tuple[str, str]:
    """An article, an adjective and a noun in both languages."""
    english, german, gender = noun
    words = [article, adjective[0], english]
    if article == "a" and words[1 if words[1] else 2][0] in "aeiou":
        words[0] = "an"
    ending = ENDINGS[article][gender][case] if adjective[1] else ""
    worte = [ARTICLES[article][gender][case], adjective[1] + ending, german]
    return " ".join(filter(None, words)), " ".join(filter(None, worte))


def _written(words: list[str]) -> str:
    text = " ".join(filter(None, words))
    return f"{text[0].upper()}{text[1:]}."
