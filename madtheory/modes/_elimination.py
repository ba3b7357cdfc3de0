"""Chains solved by elimination without subtraction: no validation here.

Grassmann, Taksar and Heyman (1985): only positive numbers are added, multiplied and divided, so
that every answer keeps its relative accuracy, also where a chain takes e^n generations to leave a
state.
"""

from __future__ import annotations

import numpy as np

from madtheory._compile import kernel
from madtheory._types import Array


@kernel
def _eliminate(chain: Array, k: int, leave: float, cost: Array) -> None:
    """Skip state k: every lower state that moves to it moves on at once (absorbing chain)."""
    row, last = chain[k], chain.shape[0] - 1
    for i in range(1, k):
        share = chain[i, k] / leave
        if share > 0.0:
            target = chain[i]
            for j in range(1, k):
                target[j] += share * row[j]
            target[last] += share * row[last]
            target[0] += share * row[0]
            cost[i] += share * cost[k]


@kernel
def absorb(chain: Array, hit: Array, time: Array) -> float:
    """Write P(end in the last state) and E steps to either end, by start; chain is destroyed.

    Returns the smallest probability to leave a state, among those that are lower or ends.
    """
    last = chain.shape[0] - 1
    leave, least = np.ones(last + 1), 1.0
    time[1:last] = 1.0
    for k in range(last - 1, 0, -1):
        leave[k] = chain[k, 0] + chain[k, last]
        for j in range(1, k):
            leave[k] += chain[k, j]
        least = min(least, leave[k])
        _eliminate(chain, k, leave[k], time)
    hit[0], hit[last], time[0], time[last] = 0.0, 1.0, 0.0, 0.0
    for k in range(1, last):
        reach, steps = chain[k, last], time[k]
        for j in range(1, k):
            reach += chain[k, j] * hit[j]
            steps += chain[k, j] * time[j]
        hit[k], time[k] = reach / leave[k], steps / leave[k]
    return least


@kernel
def stationary(chain: Array, law: Array) -> float:
    """Write the stationary law; chain is destroyed. Returns the least probability to leave."""
    states, least = chain.shape[0], 1.0
    for k in range(states - 1, 0, -1):
        row, leave = chain[k], 0.0
        for j in range(k):
            leave += row[j]
        least = min(least, leave)
        for i in range(k):
            share = chain[i, k] / leave
            chain[i, k] = share
            if share > 0.0:
                target = chain[i]
                for j in range(k):
                    target[j] += share * row[j]
    law[0] = total = 1.0
    for k in range(1, states):
        law[k] = 0.0
        for i in range(k):
            law[k] += law[i] * chain[i, k]
        total += law[k]
    for k in range(states):
        law[k] /= total
    return least
