"""What a loop carries on, and what of it is written and read again."""

from types import SimpleNamespace

import numpy as np
import pytest

from madtheory.engine import state, store
from madtheory.engine.state import State


class Model:
    """A model that is its generation."""

    def __init__(self, t=0):
        self.t = t

    def save(self):
        return {"t": np.array(self.t)}

    def load(self, arrays):
        return Model(int(arrays["t"]))


def task(memory, pooled):
    return SimpleNamespace(model=Model(), loop=SimpleNamespace(memory=memory, pooled=pooled))


def at(t, n_models, n_pool):
    """Models of the last generations, and the batches that their fits were given."""
    models = tuple(Model(i) for i in range(t - n_models + 1, t + 1))
    pool = tuple(np.full((2, 1), i) for i in range(t - n_pool + 1, t + 1))
    return State(t, models, pool)


def content(found):
    return [m.t for m in found.models], [int(x[0, 0]) for x in found.pool]


def test_the_last_of_a_few():
    items = (1, 2, 3)
    assert [state.last(items, n) for n in (0, 1, 3, 4, None)] == [(), (3,), items, items, items]


@pytest.mark.parametrize(
    ("memory", "pooled", "models", "pool"),
    [
        (1, 1, [4], []),
        (2, 3, [3, 4], [3, 4]),
        (None, None, [1, 2, 3, 4], [2, 3, 4]),
        (4, 4, [1, 2, 3, 4], [2, 3, 4]),
        (9, 9, [1, 2, 3, 4], [2, 3, 4]),
    ],
)
def test_what_later_generations_need_is_kept_and_found_again(memory, pooled, models, pool):
    """The first generation has a model and no batch; the next batch takes a place in the pool."""
    asked, found = task(memory, pooled), State(1, (Model(1),))
    for t in range(2, 5):
        batch = np.full((2, 1), t)
        found = state.next_state(asked, found, Model(t), (*found.pool, batch))
    assert (found.generation, content(found)) == (4, (models, pool))
    assert found.first_model == models[0]
    read = state.load_state(asked, 4, state.new_arrays(found, 0))
    assert (read.generation, content(read)) == (4, (models, pool))
    # Files may hold older ones than are needed.
    read = state.load_state(asked, 4, state.new_arrays(at(4, 4, 3), 0))
    assert content(read) == (models, pool)


def test_what_is_saved_is_not_written_again():
    found = at(7, 3, 2)
    assert set(state.new_arrays(found, 5)) == {"model/6/t", "model/7/t", "pool/6", "pool/7"}
    assert set(state.new_arrays(found, 6)) == {"model/7/t", "pool/7"}
    assert not state.new_arrays(found, 7)


def test_files_are_needed_from_the_first_generation_on_and_the_ground_always():
    names = ["arrays-0.npz", "arrays-4.npz", "arrays-5.npz", "arrays-10.npz"]
    assert [store._needed(name, 5) for name in names] == [True, False, True, True]


def test_names_of_arrays_are_not_mistaken_for_longer_ones():
    arrays = {"model/1/t": np.array(1), "model/10/t": np.array(10), "form": np.zeros(2)}
    assert list(state.unnamed("model/1", arrays)) == ["t"]
    assert int(state.unnamed("model/10", arrays)["t"]) == 10
    assert state.unnamed("form", arrays) is arrays["form"]
    assert state.unnamed("fixed", arrays) is None
