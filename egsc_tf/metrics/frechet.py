"""FID and KID from features: how far a set of images is from another.

FID: Heusel et al. 2017; KID: Binkowski et al. 2018. Both depend on the network that the
features come from: numbers of different extractors cannot be compared.
"""

import numpy as np
import scipy.linalg
from sklearn.metrics.pairwise import polynomial_kernel

SUBSET = 1000


def frechet_distance(features, other):
    """The squared Fréchet distance of Gaussians fitted to [N, D] and [M, D] features.

    |mu - mu'|^2 + trace(S + S' - 2 (S S')^(1/2)), covariances with N - 1.

    Raises:
      ValueError: for fewer than two rows, or other widths.
    """
    features, other = _checked(features), _checked(other)
    if features.shape[1] != other.shape[1]:
        raise ValueError(
            f"features: expected equal widths, found {features.shape}, {other.shape}"
        )
    cov, cov_other = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (features, other))
    # The trace of the root is the sum of the roots of the eigenvalues of S S'. These
    # are real and not negative, up to rounding, also where S is singular (N < D).
    eigenvalues = scipy.linalg.eigvals(cov @ cov_other).real
    root_trace = np.sqrt(np.clip(eigenvalues, 0.0, None)).sum()
    shift = features.mean(axis=0) - other.mean(axis=0)
    return float(shift @ shift + np.trace(cov) + np.trace(cov_other) - 2 * root_trace)


def kernel_distance(features, other, subsets=100, subset_size=None, seed=0):
    """(mean, standard deviation) over subsets of the unbiased squared MMD.

    Kernel: (x . y / D + 1)^3.

    Args:
      features, other: [N, D] and [M, D].
      subset_size: rows of a subset; None: 1000, or half of the smaller set if that is
        less, so that subsets differ.
      seed: of the choice of the subsets.
    """
    features, other = _checked(features), _checked(other)
    smaller = min(len(features), len(other))
    m = subset_size or max(2, min(SUBSET, smaller // 2))
    random = np.random.RandomState(seed)

    def pick(x):
        return x[random.choice(len(x), m, replace=False)]

    values = []
    for _ in range(subsets):
        x, y = pick(features), pick(other)
        same = sum(
            (k.sum() - np.trace(k)) / (m * (m - 1)) for k in (_kernel(x), _kernel(y))
        )
        values.append(same - 2.0 * _kernel(x, y).mean())
    return float(np.mean(values)), float(np.std(values))


def _kernel(x, y=None):
    return polynomial_kernel(x, y, degree=3, coef0=1)


def _checked(features):
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            f"features: expected [N, D] with N of 2 or more, found {features.shape}"
        )
    return features
