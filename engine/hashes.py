"""Hash functions that DuckDB has not, as macros over lists of bytes and 64-bit words.

Words are UBIGINT; what may overflow is computed in UHUGEINT and masked. A lambda's parameter takes the place of
a variable: ``list_transform([x], lambda v: …)[1]`` computes *x* once. Redshift, "Hash functions".
"""

from typing import Final

from engine.macro import Macro

_MASK: Final = "18446744073709551615::UHUGEINT"
_K0, _K1, _K2 = "14097894508562428199", "13011662864482103923", "11160318154034397263"
"""FarmHash's constants."""


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found


def _fraction(prime: int, root: int, bits: int) -> int:
    """Return the first *bits* bits after the point of a prime's square or cube root."""
    scaled = prime << (root * bits)
    low, high = 0, 1 << (bits + 8)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**root <= scaled else (low, middle - 1)
    return low & ((1 << bits) - 1)


def _crc_table() -> str:
    """Return CRC-32C's register after each half byte, eight hexadecimal digits an entry."""
    table = []
    for value in range(16):
        for _ in range(4):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)  # noqa: PLW2901 - the register shifts
        table.append(f"{value:08x}")
    return "".join(table)


def _words(values: list[int]) -> str:
    return "[" + ", ".join(str(value) for value in values) + "]::UBIGINT[]"


def _let(name: str, value: str, body: str) -> str:
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _add(*terms: str) -> str:
    total = " + ".join(f"{term}::UHUGEINT" for term in terms)
    return f"CAST(({total}) & {_MASK} AS UBIGINT)"


def _multiply(left: str, right: str) -> str:
    return f"CAST(({left}::UHUGEINT * {right}::UHUGEINT) & {_MASK} AS UBIGINT)"


# SHA-2


def _rotated(value: str, places: tuple[int, int, int], bits: int, *, shift: bool) -> str:
    """Return the exclusive or of *value* turned right by three places; the last one is a shift if *shift*."""
    parts = [f"rs_turn{bits}({value}, {place})" for place in places]
    if shift:
        parts[2] = f"({value} >> {places[2]})"
    return f"xor(xor({parts[0]}, {parts[1]}), {parts[2]})"


_SHA: Final = {
    32: (64, (2, 13, 22), (6, 11, 25), (7, 18, 3), (17, 19, 10)),
    64: (80, (28, 34, 39), (14, 18, 41), (1, 8, 7), (19, 61, 6)),
}
"""Bits of a word: rounds, and the turns of the two large and the two small sigmas (FIPS 180-4, 4.1)."""


def _sha_block(bits: int) -> str:
    """Return a block's effect on the state ``s``; the block ``b`` is 16 words."""
    rounds, big0, big1, small0, small1 = _SHA[bits]
    mask = (1 << bits) - 1
    schedule = (
        f"list_reduce(list_transform(range({rounds - 16}), lambda i: [i::UBIGINT]), lambda w, i: w || [CAST(("
        f"{_rotated('w[-2]', small1, bits, shift=True)}::UHUGEINT + w[-7]::UHUGEINT"
        f" + {_rotated('w[-15]', small0, bits, shift=True)}::UHUGEINT + w[-16]::UHUGEINT)"
        f" & {mask}::UHUGEINT AS UBIGINT)], b)"
    )
    constants = _words([_fraction(prime, 3, bits) for prime in _primes(rounds)])
    first = (
        f"(v[8]::UHUGEINT + {_rotated('v[5]', big1, bits, shift=False)}::UHUGEINT"
        f" + xor(v[5] & v[6], xor(v[5], {mask}::UBIGINT) & v[7])::UHUGEINT + k[1]::UHUGEINT + k[2]::UHUGEINT)"
    )
    majority = "xor(xor(v[1] & v[2], v[1] & v[3]), v[2] & v[3])"
    second = f"({_rotated('v[1]', big0, bits, shift=False)}::UHUGEINT + {majority}::UHUGEINT)"
    step = (
        f"list_transform([{first}], lambda t: [CAST((t + {second}) & {mask}::UHUGEINT AS UBIGINT), v[1], v[2], v[3],"
        f" CAST((v[4]::UHUGEINT + t) & {mask}::UHUGEINT AS UBIGINT), v[5], v[6], v[7]])[1]"
    )
    inputs = f"list_transform(list_zip({constants}, {schedule}), lambda z: [z[1], z[2]])"
    return (
        f"list_transform(list_zip(s, list_reduce({inputs}, lambda v, k: {step}, s)),"
        f" lambda z: CAST((z[1]::UHUGEINT + z[2]::UHUGEINT) & {mask}::UHUGEINT AS UBIGINT))"
    )


def _sha(bits: int, initial: list[int], shown: int) -> str:
    """Return SHA-2 of the blob ``x`` as *shown* hexadecimal digits."""
    digits = bits // 4
    block = 16 * digits
    # The message, the bit 1, zeros, and the length in bits fill whole blocks.
    zeros = f"(({2 * block} - (2 * octet_length(x) + 2 + {2 * digits}) % {block}) % {block})"
    padded = (
        f"hex(x) || '80' || repeat('0', CAST({zeros} AS BIGINT)) || lpad(hex(8 * octet_length(x)), {2 * digits}, '0')"
    )
    blocks = (
        f"list_transform(range(1, length(m), {block}), lambda o: list_transform(range(16), lambda i:"
        f" CAST('0x' || substr(m, o + {digits} * i, {digits}) AS UBIGINT)))"
    )
    state = f"list_reduce({_let('m', padded, blocks)}, lambda s, b: {_sha_block(bits)}, {_words(initial)})"
    text = f"list_transform({state}, lambda w: lpad(hex(w), {digits}, '0'))"
    return f"CASE WHEN x IS NOT NULL THEN lower(left(array_to_string({text}, ''), {shown})) END"


# The second halves of SHA-384's words are SHA-224's initial words (FIPS 180-4, 5.3.2 and 5.3.4).
_SHA384: Final = [_fraction(prime, 2, 64) for prime in _primes(16)[8:]]
_SHA224: Final = [word & 0xFFFFFFFF for word in _SHA384]
_SHA512: Final = [_fraction(prime, 2, 64) for prime in _primes(8)]

# FarmHash


def _mixed(left: str, right: str, factor: str) -> str:
    """Return HashLen16(left, right, factor)."""
    return f"rs_farm_mix({left}, {right}, {factor})"


def _farm() -> str:
    """Return Fingerprint64 of the blob ``x``; ``n`` is its length, ``h`` its bytes in hexadecimal, the last first."""
    factor = _add(_K2, "(n * 2)")
    tiny = (
        "rs_farm_shift(xor("
        + _multiply("(rs_byte(h, 0) + (rs_byte(h, n // 2) << 8))", _K2)
        + ", "
        + _multiply("(n + (rs_byte(h, n - 1) << 2))", _K0)
        + "))"
    )
    small = _mixed("(n + (rs_word4(h, 0) << 3))", "rs_word4(h, n - 4)", factor)
    a, b = _add("rs_word8(h, 0)", _K2), "rs_word8(h, n - 8)"
    medium = _mixed(
        _add(_multiply(f"rs_turn64({b}, 37)", factor), a),
        _multiply(_add(f"rs_turn64({a}, 25)", b), factor),
        factor,
    )
    return (
        "CASE WHEN n > 64 THEN rs_farm_long(h, n) WHEN n > 32 THEN rs_farm_64(h, n, " + factor + ")"
        f" WHEN n > 16 THEN rs_farm_32(h, n, {factor}) WHEN n >= 8 THEN {medium} WHEN n >= 4 THEN {small}"
        f" WHEN n > 0 THEN {_multiply(tiny, _K2)} ELSE {_K2}::UBIGINT END"
    )


def _farm_parts(head: str, body: str) -> str:
    """Bind a, b, c, d of FarmHash's middle lengths; *head* is the first factor."""
    values = (
        f"[{_multiply('rs_word8(h, 0)', head)}, rs_word8(h, 8), {_multiply('rs_word8(h, n - 8)', 'f')},"
        f" {_multiply('rs_word8(h, n - 16)', _K2)}]"
    )
    return f"list_transform([{values}], lambda p: {body})[1]"


_FARM_Y: Final = _add(f"rs_turn64({_add('p[1]', 'p[2]')}, 43)", "rs_turn64(p[3], 30)", "p[4]")
_FARM_Z: Final = _mixed("{y}", _add("p[1]", f"rs_turn64({_add('p[2]', _K2)}, 18)", "p[3]"), "f")


def _farm_64() -> str:
    last = _mixed(
        _add(f"rs_turn64({_add('q[3]', 'q[4]')}, 43)", "rs_turn64(q[5], 30)", "q[6]"),
        _add("q[3]", f"rs_turn64({_add('q[4]', 'p[1]')}, 18)", "q[5]"),
        "f",
    )
    more = (
        f"[y, z, {_multiply('rs_word8(h, 16)', 'f')}, rs_word8(h, 24),"
        f" {_multiply(_add('y', 'rs_word8(h, n - 32)'), 'f')}, {_multiply(_add('z', 'rs_word8(h, n - 24)'), 'f')}]"
    )
    inner = _let("y", _FARM_Y, _let("z", _FARM_Z.format(y="y"), _let("q", more, last)))
    return _farm_parts(_K2, inner)


def _weak(at: str, first: str, second: str) -> str:
    """Return WeakHashLen32WithSeeds of 32 bytes from *at* as a list of two."""
    # [a, b] with a = first + w; then both sums are taken of the same two.
    a = _add("g[1]", "g[3]")
    turned = f"rs_turn64({_add('g[2]', a, 'g[6]')}, 21)"
    summed = _add(a, "g[4]", "g[5]")
    body = _let("r", f"[{a}, {turned}, {summed}]",
                f"[{_add('r[3]', 'g[6]')}, {_add('r[2]', 'rs_turn64(r[3], 44)', 'r[1]')}]")  # fmt: skip
    words = ", ".join(f"rs_word8(h, {at} + {8 * i})" for i in range(4))
    return _let("g", f"[{first}, {second}, {words}]", body)


def _farm_step(at: str, factor: str, *, last: bool) -> str:
    """Return one round over 64 bytes from *at*: the state ``s`` is x, y, z, v1, v2, w1, w2."""
    nine = (lambda term: _multiply(term, "9")) if last else (lambda term: term)
    x = _multiply("rs_turn64(" + _add("s[1]", "s[2]", "s[4]", f"rs_word8(h, {at} + 8)") + ", 37)", factor)
    y = _add(
        _multiply("rs_turn64(" + _add("s[2]", "s[5]", f"rs_word8(h, {at} + 48)") + ", 42)", factor),
        nine("s[4]"),
        f"rs_word8(h, {at} + 40)",
    )
    z = _multiply("rs_turn64(" + _add("s[3]", "s[6]") + ", 33)", factor)
    v = _weak(at, _multiply("s[5]", factor), _add("t[1]", "s[6]"))
    w = _weak(f"{at} + 32", _add("t[3]", "s[7]"), _add("t[2]", f"rs_word8(h, {at} + 16)"))
    body = _let("v", v, _let("w", w, "[t[3], t[2], t[1], v[1], v[2], w[1], w[2]]"))
    return _let("t", f"[xor({x}, {nine('s[7]')}), {y}, {z}]", body)


def _farm_long() -> str:
    seed = _add(_multiply("81", _K1), "113")
    start = (
        f"[{_add(_multiply('81', _K2), 'rs_word8(h, 0)')}, {seed},"
        f" {_multiply('rs_farm_shift(' + _add(_multiply(seed, _K2), '113') + ')', _K2)}, 0, 0, 0, 0]::UBIGINT[]"
    )
    rounds = "list_transform(range(0, (n - 1) // 64), lambda i: [i::UBIGINT])"
    state = f"list_reduce({rounds}, lambda s, i: {_farm_step('64 * CAST(i[1] AS BIGINT)', _K1, last=False)}, {start})"
    factor = _add(_K1, "((s[3] & 255) << 1)")
    # The last round adds the length's rest to the seeds first.
    seeded = _let(
        "w", _add("u[6]", "((n - 1) & 63)"),
        _let("v", _add("u[4]", "w"), f"[u[1], u[2], u[3], v, u[5], {_add('w', 'v')}, u[7]]"),
    )  # fmt: skip
    final = _let("s", seeded, _farm_step("(n - 64)", "f", last=True))
    ended = _mixed(
        _add(_mixed("e[4]", "e[6]", "f"), _multiply("rs_farm_shift(e[2])", _K0), "e[3]"),
        _add(_mixed("e[5]", "e[7]", "f"), "e[1]"),
        "f",
    )
    return _let("u", state, _let("f", factor.replace("s[3]", "u[3]"), _let("e", final, ended)))


_BACKWARDS: Final = "array_to_string(list_reverse(regexp_extract_all(hex(x), '..')), '')"

# Murmur3


def _low(value: str) -> str:
    return f"({value} & 4294967295)"


_MURMUR_K: Final = _low(f"(rs_turn32({_low('b[1] * 3432918353')}, 17) * 461845907)")
_MURMUR_STEP: Final = f"[{_low(f'rs_turn32(xor(h[1], {_MURMUR_K}), 19) * 5 + 3864292196')}]"
_MURMUR_TAIL: Final = f"xor(h, {_MURMUR_K.replace('b[1]', 't')})"
_MURMUR_END: Final = _let(
    "h", "xor(h, n::UBIGINT)",
    _let("h", _low("xor(h, h >> 16) * 2246822507"),
         _let("h", _low("xor(h, h >> 13) * 3266489909"), "xor(h, h >> 16)")),
)  # fmt: skip

TABLE: Final = (
    Macro(name="rs_bytes", arguments="x",
          body="list_transform(range(1, 2 * octet_length(x), 2), lambda i:"
               " CAST('0x' || substr(hex(x), i, 2) AS UBIGINT))",
          doc="The bytes of a blob."),
    Macro(name="rs_turn64", arguments="x, n",
          body="((x >> n) | ((x & CAST((1::UHUGEINT << n) - 1 AS UBIGINT)) << (64 - n)))",
          doc="A 64-bit word turned right."),
    Macro(name="rs_turn32", arguments="x, n", body="((x >> n) | ((x & ((1::UBIGINT << n) - 1)) << (32 - n)))",
          doc="A 32-bit word turned right."),
    Macro(name="rs_signed", arguments="x",
          body="CAST(CASE WHEN x > 9223372036854775807 THEN x::HUGEINT - 18446744073709551616 ELSE x END AS BIGINT)",
          doc="A 64-bit word as BIGINT."),
    Macro(name="rs_unsigned", arguments="x",
          body="CAST(CASE WHEN x < 0 THEN x::HUGEINT + 18446744073709551616 ELSE x END AS UBIGINT)",
          doc="A BIGINT as a 64-bit word."),
    Macro(name="rs_little", arguments="x, n",
          body="list_transform(range(n), lambda i: (rs_unsigned(CAST(x AS BIGINT)) >> CAST(8 * i AS INTEGER)) & 255)",
          doc="The n bytes of a whole number, the lowest first."),
    Macro(name="rs_little_wide", arguments="x, n",
          body="list_transform(range(n), lambda i: CAST((x >> CAST(8 * i AS HUGEINT)) & 255 AS UBIGINT))",
          doc="The n bytes of a HUGEINT, the lowest first."),
    Macro(name="rs_least_bytes", arguments="x",
          body="list_reverse(rs_little_wide(x, coalesce(list_filter(range(1, 16), lambda n:"
               " x BETWEEN -(1::HUGEINT << CAST(8 * n - 1 AS INTEGER))"
               " AND (1::HUGEINT << CAST(8 * n - 1 AS INTEGER)) - 1)[1], 16)))",
          doc="The fewest bytes that hold a HUGEINT, the highest first."),
    Macro(name="rs_fnv", arguments="bytes, seed",
          body="CASE WHEN bytes IS NOT NULL AND seed IS NOT NULL THEN rs_signed(list_reduce(bytes, lambda h, b:"
               f" CAST((xor(h, b)::UHUGEINT * 1099511628211::UHUGEINT) & {_MASK} AS UBIGINT), rs_unsigned(seed))) END",
          doc="r_FNV_HASH: FNV-1a."),
    Macro(name="rs_crc_half", arguments="c",
          body=f"xor(c >> 4, CAST('0x' || substr('{_crc_table()}', CAST(8 * (c & 15) + 1 AS BIGINT), 8) AS UBIGINT))",
          doc="CRC-32C"),
    Macro(name="rs_crc32c", arguments="x",
          body="CASE WHEN x IS NOT NULL THEN xor(list_reduce(rs_bytes(x), lambda c, b: "
               + _let("d", "rs_crc_half(xor(c, b))", "rs_crc_half(d)")
               + ", 4294967295::UBIGINT), 4294967295::UBIGINT) END",
          doc="crc32-function: the Castagnoli polynomial."),
    Macro(name="rs_sha224", arguments="x", body=_sha(32, _SHA224, 56), doc="SHA2"),
    Macro(name="rs_sha384", arguments="x", body=_sha(64, _SHA384, 96), doc="SHA2"),
    Macro(name="rs_sha512", arguments="x", body=_sha(64, _SHA512, 128), doc="SHA2"),
    Macro(name="rs_sha2", arguments="x, bits",
          body="CASE WHEN x IS NULL THEN NULL WHEN bits IN (0, 256) THEN sha256(x)"
               " WHEN bits = 512 THEN rs_sha512(encode(x)) WHEN bits = 384 THEN rs_sha384(encode(x))"
               " WHEN bits = 224 THEN rs_sha224(encode(x))"
               " WHEN bits IS NOT NULL THEN '' END",
          doc="SHA2"),
    Macro(name="rs_murmur", arguments="bytes, seed",
          body="CASE WHEN bytes IS NOT NULL AND seed IS NOT NULL THEN "
               + _let("n", "len(bytes)", _let(
                   "h", "coalesce(list_reduce(list_transform(range(n // 4), lambda i: [bytes[4 * i + 1]"
                        " + (bytes[4 * i + 2] << 8) + (bytes[4 * i + 3] << 16) + (bytes[4 * i + 4] << 24)]),"
                        f" lambda h, b: {_MURMUR_STEP}, [rs_unsigned(CAST(seed AS BIGINT)) & 4294967295]),"
                        " [rs_unsigned(CAST(seed AS BIGINT)) & 4294967295])[1]",
                   _let("t", "coalesce(list_sum(list_transform(range(n % 4), lambda i:"
                             " bytes[n - n % 4 + i + 1] << CAST(8 * i AS INTEGER))), 0)::UBIGINT",
                        _let("h", f"CASE WHEN n % 4 > 0 THEN {_MURMUR_TAIL} ELSE h END", _MURMUR_END))))
               + " END",
          doc="MURMUR3_32_HASH: Murmur3, x86, 32 bits."),
    Macro(name="rs_int32", arguments="x",
          body="CAST(CASE WHEN x > 2147483647 THEN x::BIGINT - 4294967296 ELSE x END AS INTEGER)",
          doc="A 32-bit word as INTEGER."),
    Macro(name="rs_byte", arguments="h, i", body="CAST('0x' || substr(h, length(h) - 2 * (i) - 1, 2) AS UBIGINT)",
          doc="A byte of hexadecimal text that has the first byte last."),
    Macro(name="rs_word4", arguments="h, i", body="CAST('0x' || substr(h, length(h) - 2 * (i) - 7, 8) AS UBIGINT)",
          doc="Four bytes of such text, the lowest first."),
    Macro(name="rs_word8", arguments="h, i", body="CAST('0x' || substr(h, length(h) - 2 * (i) - 15, 16) AS UBIGINT)",
          doc="Eight bytes of such text, the lowest first."),
    Macro(name="rs_farm_shift", arguments="x", body="xor(x, x >> 47)", doc="FarmHash"),
    Macro(name="rs_farm_mix", arguments="u, v, m",
          body=_let("a", "rs_farm_shift(" + _multiply("xor(u, v)", "m") + ")",
                    _multiply("rs_farm_shift(" + _multiply("xor(v, a)", "m") + ")", "m")),
          doc="FarmHash"),
    Macro(name="rs_farm_32", arguments="h, n, f",
          body=_farm_parts(_K1, _FARM_Z.format(y=_FARM_Y)), doc="FarmHash of 17 to 32 bytes."),
    Macro(name="rs_farm_64", arguments="h, n, f", body=_farm_64(), doc="FarmHash of 33 to 64 bytes."),
    Macro(name="rs_farm_long", arguments="h, n", body=_farm_long(), doc="FarmHash of more than 64 bytes."),
    Macro(name="rs_farm", arguments="x",
          body="CASE WHEN x IS NOT NULL THEN rs_signed("
               + _let("n", "octet_length(x)", _let("h", _BACKWARDS, _farm())) + ") END",
          doc="r_FARMFINGERPRINT64"),
)  # fmt: skip
