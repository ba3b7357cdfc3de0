"""W2 between Gaussians against scipy's matrix square root, mpmath and closed forms."""

import mpmath
import numpy as np
import pytest
from scipy.linalg import sqrtm

from madtheory.laws import bures


def covariance(rng, dim, rank):
    F = rng.standard_normal((dim, rank))
    return F @ F.T


@pytest.mark.parametrize("dim", [1, 2, 5, 30])
def test_full_rank_against_the_matrix_square_root(dim):
    rng = np.random.default_rng(dim)
    A, B = covariance(rng, dim, dim + 3), covariance(rng, dim, dim + 3)
    root = np.real(sqrtm(A))
    expected = np.trace(A) + np.trace(B) - 2 * np.trace(np.real(sqrtm(root @ B @ root)))
    assert bures.bures_squared(A, B) == pytest.approx(expected, rel=1e-10)  # sqrtm's own error
    mu = rng.standard_normal(dim)
    got = bures.w2_squared(mu, A, np.zeros(dim), B)
    assert got == pytest.approx(expected + mu @ mu, rel=1e-10)
    assert bures.w2(mu, A, np.zeros(dim), B) == pytest.approx(np.sqrt(got), rel=1e-14)


@pytest.mark.parametrize(("rank_a", "rank_b"), [(1, 1), (1, 4), (2, 3), (4, 0), (0, 0)])
def test_singular_against_mpmath(rank_a, rank_b):
    rng = np.random.default_rng(10 * rank_a + rank_b)
    F, G = rng.standard_normal((4, rank_a)), rng.standard_normal((4, rank_b))
    got = bures.bures_squared(F @ F.T, G @ G.T)
    with mpmath.workdps(40):
        nuclear = 0
        if rank_a and rank_b:
            nuclear = mpmath.fsum(mpmath.svd_r(mpmath.matrix((F.T @ G).tolist()), compute_uv=False))
        expected = float(np.sum(F**2) + np.sum(G**2) - 2 * nuclear)
    # Factoring F F^T in float64 leaves singular directions to about 1e-8 of their size, squared.
    assert got == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert bures.fidelity(F, G) == pytest.approx(float(nuclear), rel=1e-13)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e12, 1e300])
def test_commuting_pair_at_any_scale(scale):
    a, b = np.array([4.0, 1.0, 0.0]), np.array([1.0, 9.0, 16.0])
    rotation = np.linalg.qr(np.random.default_rng(5).standard_normal((3, 3)))[0]
    A, B = (rotation * x @ rotation.T * scale for x in (a, b))
    expected = scale * np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert bures.bures_squared(A, B) == pytest.approx(expected, rel=1e-12)
    assert bures.bures_squared(np.diag(a) * scale, np.diag(b) * scale) == pytest.approx(
        expected, rel=1e-14
    )


def test_collapsed_and_wide_condition_numbers():
    a = np.array([1.0, 1e-40, 1e-200])
    assert bures.bures_squared(np.diag(a), np.eye(3)) == pytest.approx(2 - 2e-20, rel=1e-15)
    assert bures.bures_squared(np.zeros((3, 3)), np.eye(3)) == 3.0
    assert bures.bures_squared(np.eye(3) * 1e-300, np.eye(3)) == pytest.approx(3.0, rel=1e-14)


def test_close_covariances_keep_their_digits():
    rng = np.random.default_rng(0)
    A = covariance(rng, 6, 9)
    h = 1e-7
    # Scaling by (1 + h)^2 moves every square root by h: W2^2 = h^2 tr A.
    expected = h**2 * np.trace(A)
    assert bures.bures_squared(A, A * (1 + h) ** 2) == pytest.approx(expected, rel=1e-6)
    assert bures.bures_squared(A, A) <= 1e-27 * np.trace(A)


def test_factor_reproduces_the_matrix_with_its_rank():
    A = covariance(np.random.default_rng(1), 7, 3)
    F = bures.covariance_factor(A)
    assert F.shape == (7, 3)
    np.testing.assert_allclose(F @ F.T, A, rtol=1e-12, atol=1e-13)
    assert bures.covariance_factor(np.zeros((2, 2))).shape == (2, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 0.0]], [[1.0]]), "Sigma must be square, got shape"),
        (([[np.nan]], [[1.0]]), "Sigma must be finite"),
        (([[1.0, 0.5], [0.0, 1.0]], np.eye(2)), "Sigma must be symmetric"),
        (([[1.0, 2.0], [2.0, 1.0]], np.eye(2)), "Sigma must be positive semidefinite, got an e"),
        ((np.eye(2), np.eye(3)), "Sigma_2 must have 2 rows like Sigma_1, got 3"),
        ((1.0, np.eye(3)), "Sigma must be a matrix with at least one row"),
    ],
)
def test_bad_covariances(arguments, message):
    with pytest.raises(ValueError, match=message):
        bures.bures_squared(*arguments)


def test_bad_means_and_factors():
    with pytest.raises(ValueError, match=r"mu_1 must have shape \(2,\), got \(3,\)"):
        bures.w2_squared(np.zeros(3), np.eye(2), np.zeros(2), np.eye(2))
    with pytest.raises(ValueError, match="mu_2 must be finite"):
        bures.w2_squared(np.zeros(2), np.eye(2), [0, np.inf], np.eye(2))
    with pytest.raises(ValueError, match="F_2 must have 2 rows"):
        bures.fidelity(np.eye(2), np.eye(3))


def test_variances_on_a_diagonal_are_kept_however_small():
    factor = bures.covariance_factor(np.diag([1.0, 1e-20]))
    np.testing.assert_allclose(factor, np.diag([1.0, 1e-10]), rtol=1e-14)


def test_a_matrix_that_is_not_symmetric_is_refused():
    with pytest.raises(ValueError, match=r"symmetric, got a relative asymmetry of 1e-06"):
        bures.covariance_factor([[1.0, 0.5], [0.5 + 1e-6, 1.0]])
