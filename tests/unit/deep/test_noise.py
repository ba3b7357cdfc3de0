"""Philox by its authors' known answers; noise by sample."""

import numpy as np
import pytest
import torch

from madtheory.deep import noise

#: Random123's kat_vectors for philox4x32, 10 rounds: counter and key words, and the answer.
KNOWN = [
    ((0, 0, 0, 0), 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((0xFFFFFFFF,) * 4, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        0x299F31D0A4093822,
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter: tuple[int, ...], key: int, answer: str) -> None:
    a, b, c, d = (torch.tensor([word]) for word in counter)
    found = noise.philox((a, b, c, d), key)
    assert [f"{int(word):08x}" for word in found] == answer.split()


def test_a_sample_does_not_depend_on_its_batch() -> None:
    whole = noise.normals(7, torch.arange(10), 3, (2, 5))
    parts = [noise.normals(7, torch.arange(i, i + 1), 3, (2, 5)) for i in range(10)]
    assert torch.equal(whole, torch.cat(parts))


@pytest.mark.parametrize("other", [(8, 0, 3), (7, 1, 3), (7, 0, 4), (7, 2**40, 3)])
def test_seed_sample_and_step_all_matter(other: tuple[int, int, int]) -> None:
    key, index, step = other
    one = noise.uniforms(7, torch.tensor([0]), 3, 4)
    assert not torch.equal(one, noise.uniforms(key, torch.tensor([index]), step, 4))


@pytest.mark.parametrize(("word", "wanted"), [(0, 2.0**-33), (2**32 - 1, 1 - 2.0**-33)])
def test_uniform_numbers_are_within_0_and_1(
    word: int, wanted: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "_words", lambda *_: torch.full((2, 4), word))
    assert noise.uniforms(1, torch.arange(2), 0, 3).tolist() == [[wanted] * 3] * 2


def test_the_law_is_normal() -> None:
    # 400,000 numbers: standard errors .0016 (mean), .0022 (variance), .015 (fourth moment).
    z = noise.normals(1, torch.arange(4000), 0, (100,)).double().numpy()
    assert abs(z.mean()) < 0.007
    assert abs(z.var() - 1) < 0.01
    assert abs((z**4).mean() - 3) < 0.07
    assert abs(np.corrcoef(z[:, :-1].ravel(), z[:, 1:].ravel())[0, 1]) < 0.007
    assert abs(np.corrcoef(z[:-1].ravel(), z[1:].ravel())[0, 1]) < 0.007


def test_integers_are_even() -> None:
    counts = np.bincount(noise.integers(2, torch.arange(7000), 0, 10, 7).ravel().numpy())
    assert counts.size == 7
    assert abs(counts / 10_000 - 1).max() < 0.05
