"""The training loop: averages, batches, checkpoints, an end in words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from madtheory.deep import checkpoint, train


def test_an_average_holds_nothing_of_its_start() -> None:
    module, average = nn.Linear(1, 1), None
    average = train.Average.of(module, 0.9)
    seen = []
    for value in (3.0, 5.0, 4.0):
        nn.init.constant_(module.weight, value)
        average.update(module)
        seen.append(value)
    weights = 0.9 ** np.arange(3)[::-1]
    wanted = np.average(seen, weights=weights)
    assert average.copy_to(module).weight.item() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(("n", "size"), [(10, 3), (7, 7), (5, 8)])
def test_every_epoch_takes_each_row_once(n: int, size: int) -> None:
    rows = np.concatenate([train.minibatch(1, step, n, size) for step in range(3 * n)])
    for epoch in range(len(rows) // n):
        assert sorted(rows[epoch * n : (epoch + 1) * n]) == list(range(n))
    assert not np.array_equal(rows[:n], rows[n : 2 * n])


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [train.one_cycle(step, 100, 2.0) for step in range(100)]
    assert np.argmax(rates) in (9, 10)
    assert max(rates) == pytest.approx(2.0, rel=0.06)
    assert rates[-1] < 1e-3
    # The rate of a step is that at its middle: a twentieth of the rise after half a step in ten.
    assert train.one_cycle(0, 100, 2.0) == pytest.approx(0.1, rel=1e-12)
    assert train.one_cycle(5, 11, 2.0, warm=0.25) == pytest.approx(1.5, rel=1e-12)


def work() -> tuple[train.Fit, list[int]]:
    torch.manual_seed(0)
    net = nn.Linear(3, 1)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    return train.Fit({"n": net}, {"n": optimiser}, {"n": train.Average.of(net, 0.9)}), []


def go(fit: train.Fit, taken: list[int], steps: int, kept: checkpoint.Checkpoint | None) -> None:
    def update(step: int) -> torch.Tensor:
        taken.append(step)
        x = torch.randn(8, 3, generator=train.generator(5, step))
        loss = (fit.modules["n"](x) ** 2).mean()
        fit.optimisers["n"].zero_grad()
        loss.backward()
        fit.optimisers["n"].step()
        return loss.detach()

    train.run(fit, update, steps, kept)


def test_a_fit_that_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole, _ = work()
    go(whole, [], 20, None)
    first, _ = work()
    go(first, [], 7, checkpoint.Checkpoint(tmp_path, "p"))
    again, taken = work()
    go(again, taken, 20, checkpoint.Checkpoint(tmp_path, "p"))
    assert taken == list(range(7, 20))
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, again.tensors()[name]), name


def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path) -> None:
    fit, taken = work()
    go(fit, taken, 2, checkpoint.Checkpoint(tmp_path, "p"))
    with pytest.raises(ValueError, match="checkpoint must be of this fit, got another one in"):
        go(fit, taken, 2, checkpoint.Checkpoint(tmp_path, "q"))


def test_a_fit_is_known_by_model_key_and_data() -> None:
    one, other = np.arange(4.0), np.arange(4.0)[::-1]
    found = {train.purpose(*of) for of in (("m", 1, [one]), ("m", 1, [other]), ("m", 2, [one]))}
    assert len(found | {train.purpose("n", 1, [one])}) == 4
    assert train.purpose("m", 1, [other]) == train.purpose("m", 1, [np.array(other)])


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with train.Device(threads=before + 1).use():
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_a_damaged_checkpoint_is_named(cut: int, tmp_path: Path) -> None:
    fit, taken = work()
    kept = checkpoint.Checkpoint(tmp_path, "p")
    go(fit, taken, 2, kept)
    kept.path.write_bytes(kept.path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"checkpoint must be a whole file, got .*fit.safetensors"):
        kept.load()


def test_a_checkpoint_with_one_bit_changed_is_refused(tmp_path: Path) -> None:
    """Or it is as it was: what is no part of a tensor decides nothing."""
    fit, taken = work()
    kept = checkpoint.Checkpoint(tmp_path, "p")
    go(fit, taken, 2, kept)
    whole, (step, tensors) = kept.path.read_bytes(), kept.load()
    start, refused = 8 + int.from_bytes(whole[:8], "little"), set[int]()
    for place in range(len(whole)):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << place % 8
        kept.path.write_bytes(spoiled)
        words, found = "", (0, dict[str, torch.Tensor]())
        try:
            found = kept.load()
        except ValueError as error:
            words = str(error)
        if words:
            assert words.startswith("checkpoint must be a whole file, got")
            refused.add(place)
            continue
        assert found[0] == step
        assert found[1].keys() == tensors.keys()
        assert all(torch.equal(found[1][name], x) for name, x in tensors.items())
    assert refused >= set(range(start, len(whole)))


def test_a_checkpoint_of_several_kinds_of_numbers_comes_back(tmp_path: Path) -> None:
    given = {
        "none": torch.empty(0, 3),
        "turned": torch.arange(6.0).reshape(2, 3).T,
        "half": torch.ones(3, dtype=torch.bfloat16),
        "truth": torch.tensor([True, False]),
        "one": torch.tensor(7),
    }
    kept = checkpoint.Checkpoint(tmp_path, "p")
    kept.save(5, given)
    step, found = kept.load()
    assert step == 5
    assert found.keys() == given.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in given.items())


def test_a_loss_that_is_no_number_ends_the_fit() -> None:
    fit, _ = work()
    with pytest.raises(train.Stopped, match="the loss at step 3 of 3 is nan"):
        train.run(fit, lambda step: torch.tensor(float("nan")), 3)


def test_sigterm_ends_a_fit_at_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, taken = work()
    monkeypatch.setattr(train, "_stop", False)
    kept = checkpoint.Checkpoint(tmp_path, "p")

    def update(step: int) -> torch.Tensor:
        taken.append(step)
        if step == 4:
            train.ask_to_stop()
        return torch.zeros(())

    with pytest.raises(SystemExit) as stop:
        train.run(fit, update, 10, kept)
    assert stop.value.code == 143
    assert taken == [0, 1, 2, 3, 4]
    assert kept.load()[0] == 5
