"""Functions that C has not, in C.

REAL is the type of a number, WHOLE that of a whole one, EXP is `exp` or `expf`.
"""

from __future__ import annotations

from gradc_compiler.ops.bfloat16 import DROPPED, DROPPED_OF_TF32

FUNCTIONS = "exp", "fabs", "sqrt", "log", "cos", "floor"  # of the C library, that these call
MAXIMUM = """REAL maximum(REAL a, REAL b) {
    return a > b || a != a ? a : b;
}"""
MINIMUM = """REAL minimum(REAL a, REAL b) {
    return a < b || a != a ? a : b;
}"""
SIGMOID = """REAL sigmoid(REAL x) {
    const REAL e = EXP(-FABS(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}"""
CLAMP = """int clamp(int32_t number, int rows) {
    return number < 0 ? 0 : number >= rows ? rows - 1 : (int)number;
}"""
LOST = """REAL lost(REAL total, REAL term) {
    /* what rounding loses when they are added */
    const REAL sum = total + term, back = sum - total;
    const REAL rest = (total - (sum - back)) + (term - back);
    return sum - sum == 0 ? rest : 0;
}"""
ROUNDING = """REAL NAME(REAL x) {
    /* the nearest number with DIGITS bits of significand, of two the even one */
    float near = (float)x;
    uint32_t bits;
    memcpy(&bits, &near, sizeof bits);
    bits = (bits + HALFu + ((bits >> DROPPED) & 1u)) & UPPERu;
    memcpy(&near, &bits, sizeof near);
    return x - x == 0 ? (REAL)near : x;
}"""


def _rounding(name: str, dropped: int) -> str:
    """The function that rounds to numbers of so many bits fewer."""
    below_half, upper = (1 << dropped - 1) - 1, (1 << 32) - (1 << dropped)
    text = ROUNDING.replace("NAME", name).replace("DIGITS", str(24 - dropped))
    text = text.replace("HALF", f"0x{below_half:04X}").replace("UPPER", f"0x{upper:08X}")
    return text.replace("DROPPED", str(dropped))


TO_BFLOAT, TO_TFLOAT = _rounding("to_bfloat", DROPPED), _rounding("to_tfloat", DROPPED_OF_TF32)
QUOTIENT = """REAL quotient(REAL a, REAL b) {
    /* the greatest whole number that is at most a / b */
    const double left = fmod(a, b), whole = ((double)a - left) / (double)b;
    if (whole - whole != 0) return FLOOR(a / b);
    return (REAL)(rint(whole) - (left != 0 && (left < 0) != (b < 0)));
}"""
REST = """REAL rest(REAL a, REAL b) {
    /* what the quotient leaves of a, with the sign of b */
    const double left = fmod(a, b);
    return (REAL)(left != 0 && (left < 0) != (b < 0) ? left + (double)b : left);
}"""
AFTER = """int after(const REAL *x, int a, int b) {
    /* whether number a comes after number b: NaN last, equal ones as they stand */
    if (x[a] > x[b] || (x[a] != x[a] && x[b] == x[b])) return 1;
    if (x[a] < x[b] || (x[a] == x[a] && x[b] != x[b])) return 0;
    return a > b;
}"""
SIFT = """void sift(const REAL *x, WHOLE *places, int root, int count) {
    /* lets places[root] sink to where it belongs in the heap below it */
    const WHOLE moved = places[root];
    for (int child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && after(x, (int)places[child + 1], (int)places[child])) child++;
        if (!after(x, (int)places[child], (int)moved)) break;
        places[root] = places[child];
        root = child;
    }
    places[root] = moved;
}"""
ORDER = """void order(const REAL *x, WHOLE *places, int count) {
    /* the places of numbers in rising order, by heapsort (Williams, 1964) */
    for (int k = 0; k < count; k++) places[k] = k;
    for (int k = count / 2; k-- > 0;) sift(x, places, k, count);
    for (int last = count - 1; last > 0; last--) {
        const WHOLE greatest = places[last];
        places[last] = places[0];
        places[0] = greatest;
        sift(x, places, 0, last);
    }
}"""
PHILOX = """void philox(const uint32_t at[4], uint32_t seed, uint32_t node, uint32_t drawn[2]) {
    /* Philox4x32-10: the same draw for the same place, whoever asks and when */
    uint32_t c0 = at[0], c1 = at[1], c2 = at[2], c3 = at[3];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ seed;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ node;
        c3 = (uint32_t)p0;
        seed += 0x9E3779B9u;
        node += 0xBB67AE85u;
    }
    drawn[0] = c0;
    drawn[1] = c1;
}"""
PLACE = "uint32_t seed, uint32_t step, uint32_t example, uint32_t node, uint32_t element"
UNIFORM = f"""REAL philox_uniform({PLACE}, uint32_t time) {{
    const uint32_t at[4] = {{element, example, step, time}};
    uint32_t drawn[2];
    philox(at, seed, node, drawn);
    return (REAL)(drawn[0] >> 8) * (REAL)5.9604644775390625e-08; /* 2^-24 */
}}"""
NORMAL = f"""REAL philox_normal({PLACE}, uint32_t time) {{
    const uint32_t at[4] = {{element, example, step, time}};
    uint32_t drawn[2];
    philox(at, seed, node, drawn);
    const REAL u = (REAL)(drawn[0] >> 8) * (REAL)5.9604644775390625e-08;
    const REAL radius = SQRT((REAL)-2.0 * LOG(u + (REAL)2.98023223876953125e-08));
    return radius * COS((REAL)(drawn[1] >> 8) * (REAL)3.7450702829239286e-07);
}}"""
HELPERS = {  # in the order in which they may call one another
    "maximum": MAXIMUM,
    "minimum": MINIMUM,
    "sigmoid": SIGMOID,
    "clamp": CLAMP,
    "lost": LOST,
    "to_bfloat": TO_BFLOAT,
    "to_tfloat": TO_TFLOAT,
    "quotient": QUOTIENT,
    "rest": REST,
    "after": AFTER,
    "sift": SIFT,
    "order": ORDER,
    "philox": PHILOX,
    "philox_uniform": UNIFORM,
    "philox_normal": NORMAL,
}
NEEDS = {
    "philox_uniform": ["philox"],
    "philox_normal": ["philox"],
    "order": ["sift", "after"],
}
