"""Words of names: what is left when spelling, number, order and notation no longer matter.

Two names with the same words mean, as far as their letters tell, the same: ``Haemoglobin SC
disease`` and ``hemoglobin sc diseases``, ``Type II`` and ``type 2``, ``Vertebrae, First Sacral``
and ``S1 vertebra``.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

__all__ = ["STOP_WORDS", "words_of"]

STOP_WORDS = frozenset(
    {"a", "an", "and", "as", "at", "by", "du", "et", "for", "from", "in", "is", "nos"}
    | {"of", "on", "or", "other", "the", "their", "to", "type", "with", "due", "entire"}
)
"""Words that hold names together; they count for nothing."""

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "sigma_final sigma tau upsilon phi chi psi omega"
)
_FIRST_GREEK = 0x3B1
_TRANSLATED = {
    **{_FIRST_GREEK + place: name.partition("_")[0] for place, name in enumerate(_GREEK.split())},
    0xDF: "beta",
    0xB5: "mu",
}
"""Greek letters, and the German letter and the sign for millionths that are taken for them."""

_WRITTEN = (
    "one two three four five six seven eight nine ten eleven twelve",
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    "1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th",
)
_NUMBERS: Mapping[str, str] = {
    name: str(number) for line in _WRITTEN for number, name in enumerate(line.split(), 1)
}
_ROMAN_NUMBER = re.compile(r"^(x{0,2})(ix|iv|v?i{0,3})([a-h]?)$")
_ROMAN_VALUES = {"": 0, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8}
_LONE_LETTERS = frozenset({"x", "c", "d"})
"""Roman numerals that stand, alone, more often for a chromosome or a letter."""

_SPELLINGS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"ae(?=[a-z])", "e"),
        (r"oe(?=[a-z]{2})", "e"),
        (r"our$", "or"),
        (r"ours$", "ors"),
        (r"isation", "ization"),
        (r"is(e[ds]?|ing)$", r"iz\1"),
        (r"yse([ds]?)$", r"yze\1"),
        (r"sulph", "sulf"),
        (r"^grey$", "gray"),
        (r"(?<=[a-z]{3})tre$", "ter"),
        (r"fibre", "fiber"),
        (r"kary", "cary"),
    )
)
_PHRASES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"impaired intellectual development", "intellectual disability"),
        (r"intellectual developmental disorder", "intellectual disability"),
        (r"mental (retardation|deficiency)", "intellectual disability"),
        (r"(dysmorphic|unusual|abnormal|peculiar) faci(es|al features)", "facial dysmorphism"),
        (r"hearing (loss|impairment)", "deafness"),
        (r"micro(deletion|duplication)", r"\1"),
        (r"(deletion|duplication) of chromosome", r"chromosome \1"),
        (r"x[- ]linked", "xlinked"),
        (r"\b([1-9]|1\d|2[0-2]|x|y)([pq])(\d+)\.(\d+)", r"\1\2\3\4"),
    )
)
"""What is said in more than one way in names of diseases and chromosomes."""

_ENDINGS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"meninges$", "meninx"),
        (r"phalanges$", "phalanx"),
        (r"(?<=[a-z]{2})ies$", "y"),
        (r"(?<=[a-z]{3})ices$", "ex"),
        (r"(?<=[a-z]{2})sses$", "ss"),
        (r"(?<=[a-z][oye])ses$", "sis"),
        (r"(?<=[a-z]{2}u)ses$", "s"),
        (r"(?<=[a-z]{2})(x|ch|sh)es$", r"\1"),
        (r"(?<=[a-z]{2}[^sui])s$", ""),
        (r"(?<=[a-z]{2})ae$", "a"),
        (r"(?<=[a-z]{3})i$", "us"),
    )
)


def _pairs(text: str) -> dict[str, str]:
    """Read pairs as ``feet/foot teeth/tooth``."""
    return dict(pair.split("/", 1) for pair in text.split())


_IRREGULAR: Mapping[str, str] = _pairs(
    "ganglia/ganglion corpora/corpus phalanges/phalanx foramina/foramen feet/foot teeth/tooth "
    "septa/septum atria/atrium crania/cranium bacteria/bacterium mitochondria/mitochondrion "
    "viscera/viscus lumina/lumen ova/ovum ilia/ilium labia/labium epithelia/epithelium "
    "endothelia/endothelium cilia/cilium diverticula/diverticulum capitula/capitulum "
    "men/man women/woman children/child mice/mouse meninges/meninx larynges/larynx "
    "fungi/fungus loci/locus data/datum bronchi/bronchus atlantes/atlas osseus/osseous"
)
_LATIN: Mapping[str, str] = _pairs(
    "musculus/muscle musculi/muscle arteria/artery arteriae/artery vena/vein venae/vein "
    "nervus/nerve nervi/nerve glandula/gland glandulae/gland ligamentum/ligament "
    "obliquus/oblique medialis/medial lateralis/lateral posticus/posterior anticus/anterior "
    "internus/internal externus/external longus/long brevis/short profundus/deep "
    "transversus/transverse dorsalis/dorsal ventralis/ventral oculi/eye cordis/heart "
    "cerebri/cerebral cerebelli/cerebellar abdominis/abdominal dexter/right sinister/left "
    "primus/1 secundus/2 tertius/3 osseum/osseous tendineae/tendinous pili/hair "
    "ductus/duct ramus/branch rami/branch textus/tissue cellula/cell membrana/membrane"
)
_POSSESSIVE = re.compile(r"['\u2019`\u00b4]s?\b|_s(?=_|$)")
_SEGMENTS = {"c": "cervical", "t": "thoracic", "l": "lumbar", "s": "sacral"}
_SEGMENT = re.compile(r"^([ctls])(\d{1,2})$")
_SEGMENTED = frozenset({"vertebra", "nerve", "ganglion", "spinal", "segment", "root", "disk"})
_WORD = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=1 << 18)
def words_of(name: str) -> tuple[str, ...]:
    """Give the words of a name, in their order, without those that only hold it together.

    A name of nothing else keeps them.
    """
    text = name.translate(_TRANSLATED).casefold().translate(_TRANSLATED)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = _POSSESSIVE.sub("", text).replace("_", " ")
    for pattern, replacement in _PHRASES:
        text = pattern.sub(replacement, text)
    words = [_plain(word) for word in _WORD.findall(text)]
    if _SEGMENTED.intersection(words):
        words = [part for word in words for part in _segment(word)]
    return tuple(word for word in words if word not in STOP_WORDS) or tuple(words)


def _segment(word: str) -> tuple[str, ...]:
    """Part the short name of a segment of the spine: ``s1`` is ``sacral 1``."""
    found = _SEGMENT.match(word)
    return (_SEGMENTS[found[1]], found[2]) if found else (word,)


@lru_cache(maxsize=1 << 16)
def _plain(word: str) -> str:
    """Bring one word to its plain form: American, singular, numbers as digits."""
    if word in _NUMBERS:
        return _NUMBERS[word]
    if word.isdigit():
        return str(int(word))
    roman = _ROMAN_NUMBER.match(word)
    if roman and word not in _LONE_LETTERS and (roman[1] or roman[2]):
        ones = 9 if roman[2] == "ix" else _ROMAN_VALUES[roman[2]]
        return f"{10 * len(roman[1]) + ones}{roman[3]}"
    known = _IRREGULAR.get(word) or _LATIN.get(word)
    if known:
        return known
    if len(word) < 4 or any(letter.isdigit() for letter in word):
        return word
    for pattern, replacement in _SPELLINGS:
        word = pattern.sub(replacement, word)
    for pattern, replacement in _ENDINGS:
        changed = pattern.sub(replacement, word)
        if changed != word:
            return changed
    return word
