"""Formulas: what they say as text is what they say as arrays, on every target; and lgamma's family.

The true values are those of mpmath 1.3 with 30 digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.formula import definition_of, reference_of
from gradc_compiler.ops.leaf import Input
from tests.support.graphs import run_compiled

# x, lgamma, digamma; and polygamma of orders 1 to 4
NUMBERS = """
0.015625 4.15006337365393879 -64.5518029731678567 4097.60814698123255
    -524290.30560802492 100663302.119544656 -25769803799.0642525
0.25 1.28802252469807746 -4.22745353337626541 17.1973291545071107
    -129.32773993753692 1538.7821440091884 -24584.3753886379337
0.5 0.572364942924700087 -1.96351002602142348 4.93480220054467931
    -16.82879664423432 97.4090910340024372 -771.474249826667225
0.75 0.203280951431295371 -1.08586087978647217 2.5418796476716065
    -5.30263321633763963 19.7633125348505998 -102.800605815417473
1.25 -0.0982718364218131615 -0.227453533376265408 1.19732915450711074
    -1.32773993753692033 2.78214400918839602 -8.37538863793373356
1.75 -0.084401121020485556 0.247472453546861164 0.764101869893828721
    -0.561892475596898891 0.800349571887636797 -1.66480334628167007
2.5 0.28468287047291916 0.703156640645243187 0.490357756100234865
    -0.236204051641727403 0.223905848817252051 -0.313755999506731363
5.5 3.95781396761871629 1.61109314858175112 0.199342386989627659
    -0.039608947521302043 0.0156905926758828191 -0.00929460604141637245
7.875 8.27425211911047807 1.9988595242685322 0.135386792221092491
    -0.0183019030257228584 0.00494078802349537709 -0.00199776695053109714
8.125 8.77815096449170993 2.03214683784633772 0.130960682925905006
    -0.0171264486009298593 0.00447316320630597838 -0.0017500519531362419
171.5 709.143163030928242 5.14166498143399963 0.00584793655061038376
    -0.00003419826444141262 3.99976281494216158e-7 -7.01704775705116819e-9
1e10 220258509288.810581 23.0258509298904568 1.00000000005e-10
    -1.0000000001e-20 2.0000000003e-30 -6.0000000012e-40
-0.25 1.58957531255118599 2.91413912021352783 18.5418796476716065
    122.69736678366236 1555.7633125348506 24473.1993941845825
-1.25 1.36643176123697623 3.71413912021352783 19.1818796476716065
    123.72136678366236 1558.2209125348506 24481.0637141845825
-2.125 1.29374541087240665 8.55546005263531115 67.0173177019122734
    1022.15414331275992 24590.8989253085379 786397.879251955997
-3.75 -1.31726794244636367 -1.69238859831133034 19.5049800605995753
    -124.079727133789254 1558.52009202403434 -24481.5923772147427
-9.0625 -10.163744448066974 18.052156812837672 259.210910938255572
    8191.16733535396935 393229.468978920557 25165808.3214812636
-20.375 -42.2478179660942531 4.33993813410168628 11.5150657677649996
    30.0912436180821342 345.724760534381942 2987.59942505691475
"""
TRUE = np.array(NUMBERS.split(), float).reshape(-1, 7).T
INF, NAN = math.inf, math.nan
SPECIAL = [  # as SciPy has them, but lgamma(-inf), which is C's
    (0.0, (INF, -INF, INF, -INF, INF, -INF)),
    (-0.0, (INF, INF, INF, -INF, INF, -INF)),
    (-1.0, (INF, NAN, INF, -INF, INF, -INF)),
    (-30.0, (INF, NAN, INF, -INF, INF, -INF)),
    (-(2.0**60), (INF, NAN, INF, -INF, INF, -INF)),
    (INF, (INF, INF, 0.0, -0.0, 0.0, -0.0)),
    (-INF, (INF, NAN, INF, -INF, INF, -INF)),
    (NAN, (NAN,) * 6),
]
WIDTHS = [("float64", 1e-13), ("float32", 4 * 2.0**-24)]
RUNS = pytest.mark.parametrize("run", [evaluate, run_compiled], ids=["reference", "native"])


def family(size: int) -> Graph:
    """lgamma, digamma and four slopes of that."""
    builder = Builder()
    x = builder.add(Input("x", (size,)))
    made = [x.apply("lgamma", x), x.apply("digamma", x)]
    made += [x.apply("polygamma", float(order), x) for order in (1, 2, 3, 4)]
    return builder.graph({f"y{k}": y.id for k, y in enumerate(made)})


def found(run, xs: Iterable[float], dtype: str) -> np.ndarray:
    """A row for each member of the family, a column for each x."""
    x = np.array([list(xs)], dtype)
    with np.errstate(all="ignore"):
        values = run(family(x.shape[1]), {"x": x}, 1, dtype=dtype)
    return np.array([values[f"y{k}"][0] for k in range(6)])


@RUNS
@pytest.mark.parametrize(("dtype", "bound"), WIDTHS)
def test_the_family_has_its_true_values(run, dtype: str, bound: float) -> None:
    xs, true = TRUE[0], TRUE[1:]
    normal = np.abs(true) > np.finfo(dtype).tiny
    got = found(run, xs, dtype)
    np.testing.assert_allclose(got[normal], true[normal], rtol=bound)
    assert not normal.all() if dtype == "float32" else normal.all()


@RUNS
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_poles_and_infinities(run, dtype: str) -> None:
    xs, true = zip(*SPECIAL, strict=True)
    got = found(run, xs, dtype)
    np.testing.assert_array_equal(got, np.array(true).T)
    np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(np.array(true).T[got == 0]))


@RUNS
def test_lgamma_is_that_of_the_c_library(run) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(0, 30, 300), 10 ** rng.uniform(-300, 300, 300)])
    x = np.concatenate([x, -rng.uniform(0, 30, 300)])
    got, true = found(run, x, "float64")[0], np.array([math.lgamma(v) for v in x])
    np.testing.assert_allclose(got, true, rtol=1e-13, atol=1e-14)


def test_an_order_beyond_the_formula_is_nan() -> None:
    orders = np.array([[-1.0, 21.0, 5.0, 5.0, 20.0, 0.0, NAN]])
    x = np.array([[1.5, 1.5, -0.5, 1.5, 1.5, 1.5, 1.5]])
    builder = Builder()
    n, at = builder.add(Input("n", (7,))), builder.add(Input("x", (7,)))
    graph = builder.graph({"y": n.apply("polygamma", n, at).id})
    (got,) = evaluate(graph, {"n": orders, "x": x}, 1)["y"]
    assert np.isnan(got).tolist() == [True, True, True, False, False, False, True]
    assert got[5] == pytest.approx(0.03648997397857652)  # digamma


def test_a_formula_is_text_and_arrays() -> None:
    def formula(f, x, y):
        return f.select(x < 0, 2 * x / y, f.exp(-x) - math.inf) + 2 * x

    assert definition_of("mine", formula) == "\n".join(
        [
            "def mine(v0, v1):",
            "    v2 = 2.0 * v0",
            "    v3 = v2 / v1",
            "    v4 = -v0",
            "    v5 = exp(v4)",
            "    v6 = v5 - 1e999",
            "    v7 = select(v0 < 0.0, v3, v6)",
            "    v8 = v7 + v2",
            "    return v8",
            "",
        ]
    )
    narrow = np.array([-1.0, 2.0], np.float32)
    got = reference_of(formula)(narrow, np.full(2, 4.0, np.float32))
    assert got.dtype == np.float32 and got.tolist() == [-2.5, -INF]


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!="])
def test_every_sign_reads_from_both_sides(sign: str) -> None:
    made = eval(f"lambda f, x: f.select(x > 0, x {sign} 3, 3 {sign} x)")
    if sign in "+-*/":
        lines = [f"    v1 = v0 {sign} 3.0", f"    v2 = 3.0 {sign} v0"]
        assert definition_of("g", made).splitlines()[1:3] == lines
        return
    turned = sign.translate(str.maketrans("<>", "><"))
    chosen = eval(f"lambda f, x: f.select(x {sign} 3, 1, f.select(3 {sign} x, 2, 3))")
    text = definition_of("g", chosen)
    assert f"select(v0 {sign} 3.0, 1.0, v1)" in text and f"v0 {turned} 3.0" in text
