"""SciPy's functions on our arrays, with SciPy's array-API switch, which is read at its import."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest

SETUP: Final = """
import numpy as np, scipy, pullback as pb
from scipy import integrate, optimize, special, stats
from scipy._lib._array_api import array_namespace, is_numpy, xp_promote, xp_size
x = np.array([0.3, 1.2, -0.5, 0.8])
a = pb.asarray(x)

def agree(f, *values):
    "f gives our array, with NumPy's values, and differentiates."
    result = f(*map(pb.asarray, values))
    assert isinstance(result, pb.Array), type(result)
    np.testing.assert_allclose(result, f(*values), rtol=1e-13)
    value = lambda *v: pb.sum(f(*map(pb.asarray, v)) ** 2)
    bar = pb.grad(value)(*values)
    for i in range(values[0].size):
        step = np.zeros(values[0].shape)
        step.flat[i] = 1e-6
        rest = values[1:]
        slope = (value(values[0] + step, *rest) - value(values[0] - step, *rest)) / 2e-6
        np.testing.assert_allclose(bar.flat[i], float(slope), rtol=1e-6, atol=1e-8)
"""

CLAIMS: Final = {
    "rosen of our array is what it is of NumPy's": """
assert isinstance(optimize.rosen(a), pb.Array)
assert float(optimize.rosen(a)) == optimize.rosen(x)
""",
    "the gradient of rosen is rosen_der": """
np.testing.assert_allclose(pb.grad(optimize.rosen)(x), optimize.rosen_der(x), rtol=1e-13)
assert isinstance(pb.grad(optimize.rosen)(a), pb.Array)
""",
    "the hessian of rosen is rosen_hess": """
def along(v):
    return pb.grad(lambda y: pb.sum(pb.grad(optimize.rosen)(y) * v))(a)
rows = [np.asarray(along(row)) for row in np.eye(4)]
np.testing.assert_allclose(rows, optimize.rosen_hess(x), rtol=1e-12)
""",
    "minimize finds the minimum with our gradient": """
found = optimize.minimize(optimize.rosen, x, jac=pb.grad(optimize.rosen), method="BFGS", tol=1e-9)
np.testing.assert_allclose(found.x, np.ones(4), rtol=1e-5)
""",
    "special functions dispatch to ours": """
for f in (special.expit, special.erf, special.erfc, special.ndtr, special.log_ndtr):
    agree(f, x)
for f in (special.logit, special.gammaln):
    agree(f, np.array([0.2, 0.4]))
assert pb.special.expit is not None
""",
    "special functions written for any namespace run": """
agree(special.softmax, x)
agree(special.log1p, x)
agree(special.expm1, x)
""",
    "statistics written for any namespace run": """
agree(stats.gmean, abs(x))
agree(stats.hmean, abs(x))
agree(stats.skew, x)
agree(stats.kurtosis, x)
agree(lambda v: stats.moment(v, 2), x)
""",
    "integrals written for any namespace run": """
agree(integrate.trapezoid, x)
agree(integrate.cumulative_trapezoid, x)
""",
    "what SciPy converts to NumPy is an error under differentiation, not a silent cut": """
assert isinstance(special.i0(a), pb.Array)
try:
    pb.grad(lambda v: pb.sum(special.i0(v)))(a)
except pb.errors.ConversionError as error:
    assert "stop_gradient" in str(error)
else:
    raise AssertionError("no error")
""",
    "array_api_compat sees our namespace": """
assert array_namespace(a) is pb
assert array_namespace(a, pb.asarray(1.0)) is pb
assert not is_numpy(array_namespace(a))
assert xp_size(a) == 4
xp = array_namespace(a)
assert xp.asarray(x).dtype == xp.float64
assert xp.astype(a, xp.float32).dtype == xp.float32
assert xp.isdtype(a.dtype, "real floating")
assert xp.isdtype(a.dtype, (xp.float32, xp.float64))
assert not xp.isdtype(a.dtype, xp.int64)
promoted = xp_promote(pb.asarray([1, 2]), force_floating=True, xp=xp)
assert promoted.dtype == xp.float64 and isinstance(promoted, pb.Array)
info = xp.__array_namespace_info__()
assert info.default_dtypes()["real floating"] == xp.float64
assert list(info.devices()) == ["cpu"] and a.device == "cpu"
assert set(info.dtypes(kind="real floating")) == {"float32", "float64"}
""",
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_with_scipys_array_api_switch(claim: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SETUP + CLAIMS[claim]],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
