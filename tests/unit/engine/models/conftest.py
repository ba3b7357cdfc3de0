"""A second route to EM."""

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Peer

from madtheory.engine.models import gaussian_mixture


def em_of_scikit_learn(x, w, start, model):
    """The second route to EM: scikit-learn's class from the same start."""
    assert (w == 1).all()
    W = gaussian_mixture.whitening(start.covariances, model.reg_covar)
    peer = Peer(
        model.n_components,
        tol=model.tol,
        reg_covar=model.reg_covar,
        max_iter=model.max_iter,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=W.transpose(0, 2, 1) @ W,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit(x)
    found = gaussian_mixture.Components(peer.weights_, peer.means_, peer.covariances_)
    return found, bool(peer.converged_), int(peer.n_iter_)


@pytest.fixture(params=["em", "sklearn"])
def _each_em(request, monkeypatch):
    """Run a test with the EM of the package, then with scikit-learn's."""
    if request.param == "sklearn":
        monkeypatch.setattr(gaussian_mixture, "em", em_of_scikit_learn)
