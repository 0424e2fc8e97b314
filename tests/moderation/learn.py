"""`python -m tests.moderation.learn` makes the weights of `contact.learned` anew.

It learns from all labelled cases but the held-out half, and needs the extra `learn`. What the rule
is worth on cases it has not seen is told by five-fold cross-validation over the lessons, which sets
its threshold, too: so few innocents may score more. `--try` writes nothing.
"""

import math
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from scipy.sparse import diags
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from chat_gateway.moderation.check import hit
from chat_gateway.moderation.engine.learned import PACKAGED, Weights, chunks, features, score
from chat_gateway.moderation.engine.rules import Rules, load
from chat_gateway.moderation.engine.text import read
from tests.moderation.cases_digest import digest, taught
from tests.moderation.corpus import Case, select

FOLDS: Final = 5
INNOCENTS_HIT: Final = 0.004
"""Of cross-validated innocents, at most."""
FEATURES_MAX: Final = 100_000
"""Those that weigh most; with all of them, four times as many, hardly more is found."""
SMOOTHING: Final = 0.5
INVERSE_REGULARISATION: Final = 100.0
SCALE: Final = 1_000

RULES: Final[Rules] = load()


class Lesson(msgspec.Struct, frozen=True):
    """A case as the rule looks at it."""

    case: Case
    whole: str
    """All messages as one normalised text."""
    looks: tuple[str, ...]
    """Each message as one. (Rows of short ones put together were found worse: they hit more
    innocents than they are worth.)"""

    @property
    def leads_out(self) -> bool:
        """Its label."""
        return self.case.label == "evasion"


def lesson(case: Case) -> Lesson:
    """A case, read."""
    whole = read(" ".join(case.messages), RULES.vocabulary).plain
    return Lesson(
        case, whole, tuple(read(message, RULES.vocabulary).plain for message in case.messages)
    )


def learn(lessons: Iterable[Lesson]) -> Weights:
    """Weights by these cases; without a threshold."""
    texts: list[set[str]] = []
    labels: list[int] = []
    for one in lessons:
        # Of an innocent nothing is to be found, whatever part of it is looked at.
        parts = {one.whole} if one.leads_out else {one.whole, *one.looks}
        texts += [features(part) for part in sorted(parts)]
        labels += [int(one.leads_out)] * len(parts)
    vectorizer = CountVectorizer(analyzer=sorted, min_df=2, binary=True)
    counts = vectorizer.fit_transform(texts).astype(float)
    led_out = np.array(labels) == 1
    evasions = np.asarray(counts[led_out].sum(0)).ravel() + SMOOTHING
    innocents = np.asarray(counts[~led_out].sum(0)).ravel() + SMOOTHING
    ratios = np.log((evasions / evasions.sum()) / (innocents / innocents.sum()))
    roots = np.sqrt([max(1, len(text)) for text in texts])
    model = LogisticRegression(
        C=INVERSE_REGULARISATION, solver="liblinear", max_iter=1_000, random_state=0
    ).fit(diags(1 / roots) @ counts @ diags(ratios), labels)
    weights = np.rint(model.coef_[0] * ratios * SCALE).astype(int)
    heaviest = sorted(np.argsort(-np.abs(weights), kind="stable")[:FEATURES_MAX])
    names = vectorizer.get_feature_names_out()
    return Weights(
        digest(),
        round(model.intercept_[0] * SCALE),
        0,
        {str(names[n]): int(weights[n]) for n in heaviest if weights[n]},
    )


def most(one: Lesson, weights: Weights) -> float:
    """The highest score of all that would be looked at."""
    return max(
        (score(look[start:end], weights) for look in one.looks for start, end in chunks(look)),
        default=-math.inf,
    )


def cross_validated(lessons: Sequence[Lesson], always: Sequence[Lesson]) -> Mapping[int, float]:
    """The score of each lesson by weights that it had no part in; *always* are learned from."""
    order = random.Random(1).sample(range(len(lessons)), len(lessons))
    scores: dict[int, float] = {}
    for fold in range(FOLDS):
        asked = set(order[fold::FOLDS])
        weights = learn([*always, *(one for n, one in enumerate(lessons) if n not in asked)])
        scores |= {n: most(lessons[n], weights) for n in sorted(asked)}
    return scores


def threshold(lessons: Sequence[Lesson], scores: Mapping[int, float]) -> int:
    """What `INNOCENTS_HIT` of the innocents score more than."""
    innocents = sorted((scores[n] for n, one in enumerate(lessons) if not one.leads_out))
    return math.ceil(innocents[-1 - int(len(innocents) * INNOCENTS_HIT)])


def report(lessons: Sequence[Lesson], scores: Mapping[int, float], limit: int) -> None:
    """Print what is to be expected of unseen cases: this rule alone, the others, all together."""
    others = msgspec.structs.replace(
        RULES, compiled=tuple(one for one in RULES.compiled if one.rule.detector != "learned")
    )
    by_others = [hit(one.case.messages, others) is not None for one in lessons]
    alone = [scores[n] > limit for n in range(len(lessons))]
    ways = {
        "learned": alone,
        "others": by_others,
        "together": [a or b for a, b in zip(alone, by_others, strict=True)],
    }
    evasions = sum(one.leads_out for one in lessons)
    for name, found in ways.items():
        right = sum(f and one.leads_out for f, one in zip(found, lessons, strict=True))
        wrong = sum(found) - right
        print(
            f"{name:9} evasions found {right:5} of {evasions}   "
            f"innocents hit {wrong:3} of {len(lessons) - evasions}   "
            f"recall {right / evasions:.3f}   precision {right / (right + wrong):.3f}"
        )


def main(arguments: Sequence[str]) -> None:
    """Cross-validate, report, and write the weights."""
    lessons = [lesson(case) for case in select("lessons")]
    always = [lesson(case) for case in taught()]
    scores = cross_validated(lessons, always)
    limit = threshold(lessons, scores)
    report(lessons, scores, limit)
    lowest = sorted(scores[n] for n, one in enumerate(lessons) if one.leads_out)
    print(
        f"one in a hundred evasions scores below {lowest[len(lowest) // 100]:.0f} (`unless_below`)"
    )
    if "--try" in arguments:
        return
    weights = msgspec.structs.replace(learn([*always, *lessons]), threshold=limit)
    PACKAGED.write_bytes(msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n")
    print(f"{PACKAGED.name}: {len(weights.features):,} features, threshold {limit}")


if __name__ == "__main__":
    main(sys.argv[1:])
