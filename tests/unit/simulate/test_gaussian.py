"""The simulator's contract: reproducible, right at the edges, refuses bad input, stored safely."""

import dataclasses
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import digamma

from madtheory.files import run_folder
from madtheory.loop import Loop, fresh_data, fully_synthetic
from madtheory.simulate import QUANTITIES, Moments, request, runs, simulate, simulate_plain, store

COLLAPSE, FRESH = fully_synthetic(8, bias=0.9), fresh_data(10, 6, bias=0.8)
MIXED = Loop(n_initial=7, n_fixed=4, n_fresh=3, n_synth=6, memory=3, pool="accumulate", bias=0.8)


def _run(loop=FRESH, s=(2.0, 1.0, 0.5), **options):
    options = {"generations": 5, "replicates": 40, "seed": 3, "chunk": 6, **options}
    return simulate(loop, s, **options)


# --- reproducibility ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loop",
    [
        COLLAPSE,
        FRESH,
        MIXED,
        dataclasses.replace(MIXED, pool_cap=2, shrinkage=0.1, floor=0.1),
        dataclasses.replace(MIXED, budget=12),
    ],
)
@pytest.mark.parametrize("s", [(2.0,), (2.0, 1.0, 0.5)])
def test_bits_do_not_depend_on_threads(loop, s):
    runs = [_run(loop, s, threads=threads, record=QUANTITIES) for threads in (1, 2, 4)]
    assert len({run.digest for run in runs}) == 1
    assert _run(loop, s, threads=1, record=QUANTITIES, seed=4).digest != runs[0].digest


def test_bits_do_not_depend_on_what_else_is_recorded():
    full = _run(record=QUANTITIES)
    for name in QUANTITIES:
        alone = _run(record=(name,), at=(2, 5))
        np.testing.assert_array_equal(alone.generations, [2, 5])
        np.testing.assert_array_equal(alone.mean[name], full.mean[name][[1, 4]])
        np.testing.assert_array_equal(alone.se[name], full.se[name][[1, 4]])


@pytest.mark.parametrize("cap", [2, 3, 4, None])
def test_what_is_kept_depends_on_the_loop_and_not_on_where_the_run_ends(cap):
    """Memory and pool of generation 5, in runs that end there, later, or record little."""
    loop = dataclasses.replace(MIXED, pool_cap=cap)
    full, longer = _run(loop, chunk=1), _run(loop, generations=6, chunk=1)
    few = _run(loop, at=(2, 5), chunk=1)
    for name, path in full.mean.items():
        np.testing.assert_allclose(longer.mean[name][:5], path, rtol=1e-12)
        np.testing.assert_array_equal(few.mean[name], path[[1, 4]])


@pytest.mark.parametrize("budget", [7, 10])
def test_a_subsample_is_drawn_sample_by_sample(budget):
    loop = Loop(n_initial=6, n_fixed=6, n_synth=5, pool="accumulate", pool_cap=1, budget=budget)
    how = {"generations": 3, "replicates": 20, "seed": 4, "chunk": 6}
    fast, plain = simulate(loop, [2.0, 1.0], **how), simulate_plain(loop, [2.0, 1.0], **how)
    assert fast.digest == plain.digest
    # 11 samples are no more than a budget of 11: nothing is left out, and the kernels run.
    whole = dataclasses.replace(loop, budget=11)
    assert (
        simulate(whole, [2.0, 1.0], **how).digest
        == simulate(dataclasses.replace(loop, budget=None), [2.0, 1.0], **how).digest
    )


def test_samples_shared_by_the_first_fit_and_the_fixed_set_span_once():
    """Four real samples span three directions; synthetic ones lie in their span."""
    loop = Loop(n_initial=4, n_fixed=4, n_synth=9)
    run = simulate(loop, np.ones(5), generations=4, replicates=20, record=("log_det",))
    assert (run.mean["log_det"] == -np.inf).all()
    loop = Loop(n_initial=3, n_fixed=4, n_synth=9)
    run = simulate(loop, np.ones(4), generations=4, replicates=20, record=("log_det",))
    assert (run.mean["log_det"] == -np.inf).all()


@pytest.mark.parametrize("s", [(2.0,), (2.0, 1.0)])
def test_division_by_n_is_a_factor_of_every_path(s):
    """The same draws: by (n - 1)/n a fit, first and later ones, in one dimension and in more."""

    def traces(loop):
        run = _run(loop, s, keep_paths=True, record=("trace",))
        return run.paths["trace"]

    loop = fully_synthetic(8, bias=0.9, n_initial=5)
    factor = 4 / 5 * (7 / 8) ** np.arange(5)
    likely = traces(dataclasses.replace(loop, ddof=0))
    np.testing.assert_allclose(likely, factor * traces(loop), rtol=1e-11)
    # Without bias a fit holds real scatter and gaps of means, which no division touches.
    loop = fresh_data(4, 5, bias=0.0)
    likely = traces(dataclasses.replace(loop, ddof=0))
    np.testing.assert_allclose(likely[:, 1:], 8 / 9 * traces(loop)[:, 1:], rtol=1e-11)


def test_chunks_are_children_of_one_seed():
    """Generators spawned the documented way, whatever chunk a thread takes first."""
    how = {"generations": 2, "replicates": 20, "seed": 3, "chunk": 6, "record": ["trace"]}
    plan, _ = request.make_plan(FRESH, np.ones(1), **how)
    drawn = {}

    def draw(rng, tally):
        drawn[tally.first, tally.replicates] = rng.random()

    runs.run(plan, draw, threads=2)
    children = map(np.random.PCG64, np.random.SeedSequence(3).spawn(4))
    chunks = [(0, 6), (6, 6), (12, 6), (18, 2)]
    assert drawn == {
        chunk: np.random.Generator(child).random()
        for chunk, child in zip(chunks, children, strict=True)
    }


@pytest.mark.parametrize("runner", [simulate, simulate_plain])
def test_moments_are_those_of_the_paths(runner):
    run = runner(
        FRESH, (2.0, 1.0), generations=3, replicates=31, chunk=7, keep_paths=True, threads=2
    )
    assert run.paths is not None
    for name, values in run.paths.items():
        assert values.shape == (31, 3)
        np.testing.assert_allclose(run.mean[name], values.mean(axis=0), rtol=1e-12)
        sd = values.std(axis=0, ddof=1)
        np.testing.assert_allclose(run.se[name], sd / math.sqrt(31), rtol=1e-12)


def test_one_replicate_has_no_standard_error():
    run = _run(replicates=1)
    assert np.isnan(run.se["trace"]).all()
    assert run.mean["trace"].min() > 0


def test_merging_is_pooling():
    x = np.random.default_rng(0).standard_normal((50, 2, 3))
    x[:, 0, 0], x[3, 1, 1], x[40, 1, 2] = -np.inf, np.inf, np.inf

    def moments(part):
        with np.errstate(invalid="ignore"):
            mean = part.mean(axis=0)
            m2 = ((part - mean) ** 2).sum(axis=0)
        m2[mean == np.inf], m2[mean == -np.inf] = np.inf, 0.0
        return Moments(len(part), mean, m2)

    merged = moments(x[:20]).merge(moments(x[20:]))
    whole = moments(x)
    assert merged.count == 50
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(merged.m2, whole.m2, rtol=1e-13)


# --- edges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["real", "biased"])
def test_zero_bias_dies_at_generation_two(first):
    loop = fully_synthetic(9, bias=0.0, first_generation=first)
    for s in ([3.0], [3.0, 1.0, 0.0]):
        run = _run(loop, s, record=QUANTITIES, keep_paths=True)
        assert run.paths is not None
        assert (run.paths["trace"][:, 1:] == 0).all()
        assert np.ptp(run.paths["mean_sq"], axis=1).max() == 0
        np.testing.assert_allclose(
            run.paths["w2_squared"][:, 1:], run.paths["mean_sq"][:, 1:] + sum(s), rtol=1e-15
        )
        assert (run.mean["log_trace"][1:] == -np.inf).all()
        assert (run.se["log_trace"][1:] == 0).all()
        assert bool(run.paths["trace"][:, 0].any()) == (first == "real")


def test_zero_bias_fresh_loop_keeps_only_real_scatter():
    loop = fresh_data(4, 5, bias=0.0)
    run = simulate(loop, np.ones(3), generations=3, replicates=4000, record=("trace", "log_det"))
    # n_r - 1 real directions and the difference of means: rank 3, so the determinant lives.
    assert np.isfinite(run.mean["log_det"]).all()
    run = _run(fresh_data(2, 5, bias=0.0), np.ones(3), record=("trace", "log_det"))
    assert (run.mean["log_det"][1:] == -np.inf).all()


def test_more_dimensions_than_samples():
    run = _run(fully_synthetic(4, bias=0.9), np.ones(9), record=QUANTITIES)
    assert (run.mean["log_det"] == -np.inf).all()
    assert (run.se["log_det"] == 0).all()
    for name in set(QUANTITIES) - {"log_det"}:
        assert np.isfinite(run.mean[name]).all()


def test_singular_reference_is_its_own_support():
    """Zeros among the eigenvalues change nothing but log det."""
    for loop in (COLLAPSE, FRESH):
        a = _run(loop, (2.0, 0.5), record=QUANTITIES)
        b = _run(loop, (0.0, 2.0, 0.0, 0.5), record=QUANTITIES)
        for name in set(QUANTITIES) - {"log_det"}:
            np.testing.assert_array_equal(a.mean[name], b.mean[name])
        assert (b.mean["log_det"] == -np.inf).all()


@pytest.mark.parametrize("n", [10**9, 2**53])
@pytest.mark.parametrize("s", [(4.0,), (4.0, 1.0), (4.0, 1.0, 0.25)])
def test_absurd_sample_sizes_give_the_small_distance(n, s):
    """n E W2^2 = tr Sigma_0 + (1/4)(sum s_i s_j (1 + delta_ij) 2 / (s_i + s_j)) per generation."""
    s = np.array(s)
    run = simulate(fully_synthetic(n), s, generations=2, replicates=20_000, seed=1)
    pair = np.outer(s, s) / (s[:, None] + s)
    bures = 0.5 * (pair.sum() + np.trace(pair))
    expected = (s.sum() + bures) * np.array([1, 2]) / n
    error = 5 * run.se["w2_squared"]
    assert (np.abs(run.mean["w2_squared"] - expected) < error).all()
    assert (error < 0.05 * expected).all()
    assert run.mean["log_det"][1] == pytest.approx(np.log(s).sum(), abs=1e-6)


@pytest.mark.parametrize("d", [1, 3])
def test_a_million_generations_keep_rank_and_scale(d):
    """log det Sigma_t within 5 theoretical standard errors; trace, W2^2 at their limits."""
    n, bias, t = 12, 0.5, 10**6 if d == 1 else 10**5
    run = simulate(
        fully_synthetic(n, bias=bias), np.ones(d), generations=t, replicates=2, at=(10, t), seed=9
    )
    from scipy.special import polygamma

    half = (n - 1 - np.arange(d)) / 2
    drift = (digamma(half) - math.log((n - 1) / 2)).sum()
    expected = d * (t - 1) * math.log(bias) + t * drift
    sd = math.sqrt(t * polygamma(1, half).sum() / 2)
    assert run.mean["log_det"][1] == pytest.approx(expected, abs=5 * sd)
    assert 5 * sd < 0.02 * abs(expected)
    assert run.mean["trace"][1] == 0.0
    assert run.mean["w2_squared"][1] == pytest.approx(run.mean["mean_sq"][1] + d, rel=1e-14)


def test_overdispersion_may_overflow_but_makes_no_nan():
    loop = fully_synthetic(40, bias=10.0, allow_overdispersion=True)
    run = simulate(loop, np.ones(3), generations=500, replicates=20, record=QUANTITIES)
    for name in QUANTITIES:
        assert not np.isnan(run.mean[name]).any()
        assert not np.isnan(run.se[name]).any()
    assert run.mean["trace"][-1] == np.inf
    assert run.mean["log_trace"][-1] == pytest.approx(499 * math.log(10), rel=0.05)


@pytest.mark.parametrize("bias", [5e-324, 1e-300, 1e-30])
def test_tiny_bias(bias):
    run = _run(fully_synthetic(9, bias=bias), record=QUANTITIES)
    assert run.mean["log_trace"][4] == pytest.approx(4 * math.log(bias), rel=0.1)
    run = _run(fresh_data(3, 9, bias=bias), np.ones(5), record=QUANTITIES)
    for name in QUANTITIES:
        assert not np.isnan(run.mean[name]).any()


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"generations": 0}, ValueError, "generations must be at least 1, got 0"),
        ({"replicates": 0}, ValueError, "replicates must be at least 1, got 0"),
        ({"replicates": 1.5}, TypeError, "replicates must be an integer, got 1.5"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"threads": 0}, ValueError, "threads must be at least 1, got 0"),
        ({"chunk": 0}, ValueError, "chunk must be at least 1, got 0"),
        ({"record": ()}, ValueError, "record must be a non-empty sequence"),
        ({"record": "trace"}, ValueError, "record must be a non-empty sequence"),
        ({"record": 3}, TypeError, "record must be a list, got 3"),
        ({"at": 2}, TypeError, "at must be a list, got 2"),
        ({"record": ("tr",)}, ValueError, "record must be one of mean_sq, .* got 'tr'"),
        ({"at": (6,)}, ValueError, "at must be at most 5, got 6"),
        ({"at": ()}, ValueError, "at must name at least one generation"),
        ({"s": (0.0, 0.0)}, ValueError, "eigenvalues must have a positive entry"),
        ({"s": (1.0, math.nan)}, ValueError, "eigenvalues must be finite"),
        ({"loop": 3}, TypeError, "loop must be a Loop, got int"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        _run(**options)


# --- store ----------------------------------------------------------------------------------------


def test_store_holds_the_result_and_the_same_command_is_a_no_op(tmp_path):
    path = tmp_path / "x.parquet"
    first = _run(store=path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.parquet"]
    stamp = path.stat().st_mtime_ns
    again = _run(store=path, threads=1)
    assert path.stat().st_mtime_ns == stamp
    assert first.digest == again.digest == _run().digest
    table = pq.read_table(path)
    assert table.column_names == ["generation", "quantity", "mean", "se"]
    assert table.num_rows == 5 * 4
    note = json.loads(table.schema.metadata[b"madtheory"])
    assert note["config"]["loop"]["n_fresh"] == 10
    assert note["config"]["seed"] == 3
    assert set(note["environment"]["versions"]) == {"madtheory", "numpy", "numba", "scipy"}


@pytest.mark.parametrize("name", ["generation", "mean", "se"])
def test_a_result_with_another_number_is_refused(tmp_path, name):
    path = tmp_path / "x.parquet"
    _run(store=path)
    table = pq.read_table(path)
    column = table[name].combine_chunks().to_numpy().copy()
    column[-1] += 1
    changed = table.set_column(table.column_names.index(name), name, [column])
    pq.write_table(changed, path)
    with pytest.raises(
        ValueError, match=r"x\.parquet must be a complete result of this simulation"
    ):
        _run(store=path)


def test_infinite_means_survive_the_store(tmp_path):
    run = _run(COLLAPSE, np.ones(20), store=tmp_path / "x.parquet")
    again = _run(COLLAPSE, np.ones(20), store=tmp_path / "x.parquet")
    assert (again.mean["log_det"] == -np.inf).all()
    assert again.digest == run.digest


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seed": 4}, "seed"),
        ({"replicates": 41}, "replicates"),
        ({"loop": fresh_data(10, 7, bias=0.8)}, "loop"),
        ({"s": (2.0, 1.0, 0.4)}, "eigenvalues"),
        ({"at": (1,)}, "at"),
        ({"record": ("trace",)}, "record"),
        ({"chunk": 7}, "chunk"),
        ({"generations": 6}, "generations"),
    ],
)
def test_a_file_of_another_configuration_is_refused(tmp_path, change, field):
    path = tmp_path / "x.parquet"
    _run(store=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"x\.parquet must be of the same .* another {field}"):
        _run(**change, store=path)
    assert path.read_bytes() == before


def _interrupted(path, monkeypatch, after=3):
    """Leave a run folder with a state, as a kill does."""
    monkeypatch.setattr(store, "SAVE_EVERY", 0.0)
    save = store.Run.save

    def save_and_die(self, done, moments):
        save(self, done, moments)
        if done == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(store.Run, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        _run(store=path)
    monkeypatch.setattr(store.Run, "save", save)
    return path.with_name("x.parquet.run")


def test_interrupted_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    folder = _interrupted(path, monkeypatch)
    assert not path.exists()
    names = {"config.json", "environment.json", "state.npz", "timings.jsonl", "lock"}
    assert {entry.name for entry in folder.iterdir()} == names
    with np.load(folder / "state.npz", allow_pickle=False) as state:
        assert state["counts"].tolist() == [3, 18]
    assert _run(store=path).digest == _run().digest
    assert not folder.exists()


def test_damaged_or_foreign_run_folders_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    folder = _interrupted(path, monkeypatch)
    with pytest.raises(ValueError, match=r"x\.parquet\.run must be of the same .* another seed"):
        _run(store=path, seed=4)
    state = folder / "state.npz"
    whole = state.read_bytes()
    flag = whole.index(b"PK\x01\x02") + 8
    encrypted = whole[:flag] + bytes([whole[flag] | 1]) + whole[flag + 1 :]
    cut = whole[:300] + b"\xff" * 8 + whole[308:]
    for damage in (b"", whole[:-30], cut, b"PK\x03\x04", encrypted):
        state.write_bytes(damage)
        with pytest.raises(ValueError, match=r"state\.npz must be the state of this run"):
            _run(store=path)
        assert state.read_bytes() == damage
    state.write_bytes(whole)
    environment = folder / "environment.json"
    text, told = environment.read_text(), run_folder.read_sealed(environment)
    run_folder.write_sealed(environment, told | {"versions": told["versions"] | {"numpy": "1.0"}})
    with pytest.raises(ValueError, match=r"was begun with numpy 1\.0"):
        _run(store=path)
    environment.write_text(text)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json must be readable JSON"):
        _run(store=path)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match="must be the folder of an unfinished run"):
        _run(store=path)


def test_damaged_results_are_refused(tmp_path):
    path = tmp_path / "x.parquet"
    _run(store=path)
    whole = path.read_bytes()
    table = pq.read_table(path)
    misspelt = whole.replace(b"w2_squared", b"w2\xffsquared")
    for damage in (b"", b"text", whole[:-5], whole[: len(whole) // 2], misspelt):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=r"must be a complete .* got a damaged file"):
            _run(store=path)
        assert path.read_bytes() == damage
    # A row too few; two entries of one column that change places.
    last = table.num_rows - 1
    swapped = [last, *range(1, last), 0]
    changed = [
        table.set_column(i, name, table.column(name).take(swapped))
        for i, name in enumerate(table.column_names)
    ]
    for content in (table.slice(1), *changed):
        pq.write_table(content, path)
        with pytest.raises(ValueError, match=r"whose content has changed"):
            _run(store=path)
    pq.write_table(table.replace_schema_metadata(None), path)
    with pytest.raises(ValueError, match="got another file"):
        _run(store=path)


def test_places_that_cannot_hold_a_store(tmp_path):
    with pytest.raises(ValueError, match="must lie in an existing folder"):
        _run(store=tmp_path / "no" / "x.parquet")
    with pytest.raises(ValueError, match="must be a file, got a folder"):
        _run(store=tmp_path)
    with pytest.raises(ValueError, match="keep_paths must be False with store"):
        _run(store=tmp_path / "x.parquet", keep_paths=True)
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    folder = tmp_path / "x.parquet.run"
    folder.mkdir()
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="must be used by one process"):
            _run(store=tmp_path / "x.parquet")


def test_progress_is_silent_off_a_terminal(capsys):
    _run(progress=True, replicates=3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ""


@pytest.mark.parametrize("shrinkage", [1e-9, 0.3])
def test_shrinkage_keeps_the_trace_of_a_singular_fit(shrinkage):
    """Four samples in six dimensions: shrunk by little, the pivots are too small to be factored."""
    plain = Loop(n_initial=4, n_synth=4, memory=2)
    how = {"generations": 1, "replicates": 3, "record": ("trace",), "threads": 1}
    shrunk = dataclasses.replace(plain, shrinkage=shrinkage)
    a, b = (simulate(loop, np.ones(6), **how).mean["trace"] for loop in (plain, shrunk))
    np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_digest_tells_standard_errors_apart():
    found = _run()
    moved = {**found.se, "trace": 2 * found.se["trace"]}
    assert dataclasses.replace(found, se=moved).digest != found.digest
