"""Groups of alike texts, so that a person reads one of each: agglomerative, by the average likeness of two groups.

What the rubric found comes first: texts on which different rules fired are never in one group. No chance is involved:
of equal likenesses the earlier pair is joined.
"""

import heapq
from collections.abc import Hashable, Sequence
from itertools import combinations

from finetune_lab.classroom.wording import Vector, likeness, vectors

ALIKE = 0.35  # average likeness at which two groups still are one


def clusters(texts: Sequence[str], found: Sequence[Hashable]) -> list[list[int]]:
    """Groups of indices, the largest first; within a group the text that is most like the others comes first.

    Args:
        texts: what is grouped.
        found: for each text, what the rubric found in it; only texts with the same are alike.
    """
    seen = vectors(texts)
    kinds: dict[Hashable, list[int]] = {}
    for at, kind in enumerate(found):
        kinds.setdefault(kind, []).append(at)
    groups = [_central_first(group, seen) for members in kinds.values() for group in _joined(members, seen)]
    return sorted(groups, key=lambda group: (-len(group), min(group)))


def _joined(members: list[int], seen: list[Vector]) -> list[list[int]]:
    groups = {at: [at] for at in members}
    alike = {pair: likeness(seen[pair[0]], seen[pair[1]]) for pair in combinations(members, 2)}
    waiting = [(-value, *pair) for pair, value in alike.items() if value >= ALIKE]
    heapq.heapify(waiting)
    while waiting:
        value, one, other = heapq.heappop(waiting)
        if one not in groups or other not in groups or alike[one, other] != -value:
            continue  # a pair of a group that has grown or gone since
        sizes = len(groups[one]), len(groups[other])
        groups[one] += groups.pop(other)
        for third in groups:
            if third != one:
                pair = (min(one, third), max(one, third))
                gone = alike[min(other, third), max(other, third)]
                # Lance and Williams 1967: the average over all pairs of the two groups
                alike[pair] = (sizes[0] * alike[pair] + sizes[1] * gone) / sum(sizes)
                if alike[pair] >= ALIKE:
                    heapq.heappush(waiting, (-alike[pair], *pair))
    return list(groups.values())


def _central_first(group: list[int], seen: list[Vector]) -> list[int]:
    total = {one: sum(likeness(seen[one], seen[other]) for other in group) for one in group}
    return sorted(group, key=lambda one: (-round(total[one], 9), one))
