/* Text forms of values, as PostgreSQL's output functions write them (utils/adt of its source). */
#ifndef DUCKSHIFT_TEXT_H
#define DUCKSHIFT_TEXT_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arrow.h"

typedef unsigned __int128 u128;
typedef __int128 i128;

#define US_SECOND INT64_C(1000000)
#define US_DAY INT64_C(86400000000)

static const char PAIRS[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
    "555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static const uint64_t POWERS[20] = {
    1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull, 10000000ull, 100000000ull, 1000000000ull,
    10000000000ull, 100000000000ull, 1000000000000ull, 10000000000000ull, 100000000000000ull, 1000000000000000ull,
    10000000000000000ull, 100000000000000000ull, 1000000000000000000ull, 10000000000000000000ull};

static inline uint8_t *put_pair(uint8_t *p, unsigned v) {
    memcpy(p, PAIRS + 2 * v, 2);
    return p + 2;
}

static inline int digits_of(uint64_t v) {
    if (v < 10) return 1;
    int guess = ((64 - __builtin_clzll(v)) * 1233) >> 12;
    return guess + (guess < 20 && v >= POWERS[guess]);
}

/* Write v in exactly *width* digits, zeros in front. */
static inline uint8_t *put_padded(uint8_t *p, uint64_t v, int width) {
    uint8_t *q = p + width;
    while (q - p >= 2) {
        uint64_t rest = v / 100;
        q -= 2;
        memcpy(q, PAIRS + 2 * (v - rest * 100), 2);
        v = rest;
    }
    if (q > p) *p = (uint8_t)('0' + v % 10);
    return p + width;
}

/* Eight digits of v < 10^8 as the bytes of a word, the first digit in the lowest: each step splits the
 * numbers in a word's lanes by a power of ten, without a branch that the next value would take otherwise. */
static inline uint64_t eight_digits(uint32_t v) {
    uint64_t lanes = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = ((lanes * 10486) >> 20) & 0x0000007f0000007full;
    lanes = hundreds | (lanes - hundreds * 100) << 16;
    uint64_t tens = ((lanes * 103) >> 10) & 0x000f000f000f000full;
    return tens | (lanes - tens * 10) << 8;
}

#define ZEROS 0x3030303030303030ull

/* May write up to eight bytes more than the digits. */
static inline uint8_t *put_unsigned(uint8_t *p, uint64_t v) {
    if (v >= 100000000) {
        uint64_t high = v / 100000000;
        p = high < 100000000 ? put_unsigned(p, high) : put_padded(p, high, digits_of(high));
        uint64_t low = eight_digits((uint32_t)(v - high * 100000000)) | ZEROS;
        memcpy(p, &low, 8);
        return p + 8;
    }
    uint64_t digits = eight_digits((uint32_t)v);
    int leading = __builtin_ctzll(digits | 1ull << 56) >> 3;
    digits = (digits | ZEROS) >> (8 * leading);
    memcpy(p, &digits, 8);
    return p + 8 - leading;
}

static inline uint8_t *put_integer(uint8_t *p, int64_t v) {
    uint64_t magnitude = (uint64_t)v;
    if (v < 0) {
        *p++ = '-';
        magnitude = 0 - magnitude;
    }
    return put_unsigned(p, magnitude);
}

static inline uint8_t *put_text(uint8_t *p, const char *text) {
    size_t n = strlen(text);
    memcpy(p, text, n);
    return p + n;
}

/* memcpy for mostly short values, where a call costs more than the bytes. Up to 15 bytes more are written, and
 * read where *limit*, the end of what may be read, allows. */
static inline void copy_bytes(uint8_t *to, const uint8_t *from, int64_t n, const uint8_t *limit) {
    if (n > 128 || limit - from < n + 16) {
        if (n > 0) memcpy(to, from, (size_t)n);
        return;
    }
    int64_t done = 0;
    do {
        memcpy(to + done, from + done, 16);
        done += 16;
    } while (done < n);
}

static uint8_t *put_wide_decimal(uint8_t *p, u128 v, int scale) {
    uint8_t digits[40];
    int n = 0;
    while (v != 0) {
        digits[n++] = (uint8_t)('0' + (int)(v % 10));
        v /= 10;
    }
    while (n <= scale) digits[n++] = '0';
    while (n > 0) {
        if (n == scale) *p++ = '.';
        *p++ = digits[--n];
    }
    return p;
}

/* A decimal of up to 18 digits. */
static inline uint8_t *put_short_decimal(uint8_t *p, int64_t value, int scale) {
    uint64_t v = (uint64_t)value;
    if (value < 0) {
        *p++ = '-';
        v = 0 - v;
    }
    if (scale == 0) return put_unsigned(p, v);
    /* The usual scale apart: dividing by a constant is a multiplication. */
    uint64_t whole = scale == 2 ? v / 100 : v / POWERS[scale];
    p = put_unsigned(p, whole);
    *p++ = '.';
    return scale == 2 ? put_pair(p, (unsigned)(v - whole * 100)) : put_padded(p, v - whole * POWERS[scale], scale);
}

static inline uint8_t *put_decimal(uint8_t *p, i128 value, int scale) {
    if (scale <= 18 && value >= INT64_MIN && value <= INT64_MAX) return put_short_decimal(p, (int64_t)value, scale);
    u128 v = (u128)value;
    if (value < 0) {
        *p++ = '-';
        v = 0 - v;
    }
    return put_wide_decimal(p, v, scale);
}

static uint8_t *put_special_float(uint8_t *p, double v) {
    if (isnan(v)) return put_text(p, "NaN");
    return put_text(p, v < 0 ? "-Infinity" : "Infinity");
}

/* printf's %.*g. The quick way is taken where the product below is sure to round as the exact value does. */
static uint8_t *put_float(uint8_t *p, double v, int digits) {
    if (!isfinite(v)) return put_special_float(p, v);
    double size = fabs(v);
    if (size >= 1e-4 && size < 1e15 && digits <= 17) {
        int exponent = (int)floor(log10(size));
        int shift = digits - 1 - exponent;
        long double scaled = 0;
        if (exponent < digits && shift <= 19) {
            scaled = shift < 0 ? -1.0L : (long double)size * (long double)POWERS[shift];
        }
        uint64_t n = scaled > 0 ? (uint64_t)scaled : 0;
        long double fraction = scaled - (long double)n;
        if (n >= POWERS[digits - 1] && n < POWERS[digits] - 1 && fabsl(fraction - 0.5L) > 0x1p-6L) {
            n += fraction > 0.5L;
            if (v < 0) *p++ = '-';
            while (shift > 0 && n % 10 == 0) {
                n /= 10;
                shift--;
            }
            if (shift == 0) return put_unsigned(p, n);
            uint64_t whole = n / POWERS[shift];
            p = put_unsigned(p, whole);
            *p++ = '.';
            return put_padded(p, n - whole * POWERS[shift], shift);
        }
    }
    return p + snprintf((char *)p, 40, "%.*g", digits, v);
}

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Days since 1970-01-01 to the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible
 * low-level date algorithms"). */
static inline struct civil civil_of(int64_t days) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    struct civil c;
    c.day = doy - (153 * mp + 2) / 5 + 1;
    c.month = mp < 10 ? mp + 3 : mp - 9;
    c.year = (int64_t)yoe + era * 400 + (c.month <= 2);
    return c;
}

static inline uint8_t *put_year(uint8_t *p, int64_t year) {
    uint64_t shown = (uint64_t)(year > 0 ? year : 1 - year);
    return shown < 10000 ? put_pair(put_pair(p, (unsigned)shown / 100), (unsigned)shown % 100) : put_unsigned(p, shown);
}

static inline uint8_t *put_era(uint8_t *p, int64_t year) { return year > 0 ? p : put_text(p, " BC"); }

static inline uint8_t *put_date_parts(uint8_t *p, struct civil c, const struct layout *l) {
    if (l->date_style == ISO) {
        p = put_year(p, c.year);
        *p++ = '-';
        p = put_pair(p, c.month);
        *p++ = '-';
        return put_pair(p, c.day);
    }
    uint8_t between = l->date_style == SQL ? '/' : l->date_style == GERMAN ? '.' : '-';
    int day_first = l->day_first || l->date_style == GERMAN;
    p = put_pair(p, day_first ? c.day : c.month);
    *p++ = between;
    p = put_pair(p, day_first ? c.month : c.day);
    *p++ = between;
    return put_year(p, c.year);
}

/* The dates of a hundred years from 1970 on in ISO form, written once when the library is loaded. */
#define WRITTEN_DAYS 36525
#define ISO_DATE_BYTES 10
static uint8_t written_dates[WRITTEN_DAYS][16];

__attribute__((constructor)) static void write_dates(void) {
    static const struct layout iso = {.date_style = ISO};
    for (int day = 0; day < WRITTEN_DAYS; day++) put_date_parts(written_dates[day], civil_of(day), &iso);
}

/* May write up to six bytes more than the date. */
static inline uint8_t *put_day(uint8_t *p, int64_t days, const struct layout *l) {
    if (l->date_style == ISO && (uint64_t)days < WRITTEN_DAYS) {
        memcpy(p, written_dates[days], 16);
        return p + ISO_DATE_BYTES;
    }
    return put_date_parts(p, civil_of(days), l);
}

static inline uint8_t *put_date(uint8_t *p, int32_t days, const struct layout *l) {
    if (days == INT32_MAX) return put_text(p, "infinity");
    if (days <= -INT32_MAX) return put_text(p, "-infinity");
    if ((uint32_t)days < WRITTEN_DAYS) return put_day(p, days, l);
    struct civil c = civil_of(days);
    return put_era(put_date_parts(p, c, l), c.year);
}

/* .ffffff without the zeros at its end; nothing for 0 */
static inline uint8_t *put_fraction(uint8_t *p, unsigned us) {
    if (us == 0) return p;
    *p++ = '.';
    p = put_padded(p, us, 6);
    while (p[-1] == '0') p--;
    return p;
}

static inline uint8_t *put_clock(uint8_t *p, int64_t us) {
    unsigned seconds = (unsigned)(us / US_SECOND);
    p = put_pair(p, seconds / 3600);
    *p++ = ':';
    p = put_pair(p, seconds / 60 % 60);
    *p++ = ':';
    p = put_pair(p, seconds % 60);
    return put_fraction(p, (unsigned)(us % US_SECOND));
}

static uint8_t *put_offset(uint8_t *p, int64_t shift_us) {
    int64_t seconds = shift_us / US_SECOND;
    *p++ = seconds < 0 ? '-' : '+';
    unsigned s = (unsigned)(seconds < 0 ? -seconds : seconds);
    p = put_pair(p, s / 3600);
    if (s % 3600 == 0) return p;
    *p++ = ':';
    p = put_pair(p, s / 60 % 60);
    if (s % 60 == 0) return p;
    *p++ = ':';
    return put_pair(p, s % 60);
}

struct zone {
    int64_t shift_us;
    const uint8_t *name; /* NULL: the offset is shown */
    int64_t name_length;
};

static uint8_t *put_zone(uint8_t *p, const struct zone *z, const struct layout *l) {
    if (z == NULL) return p;
    if (l->date_style == ISO) return put_offset(p, z->shift_us);
    *p++ = ' ';
    if (z->name == NULL) return put_offset(p, z->shift_us);
    memcpy(p, z->name, (size_t)z->name_length);
    return p + z->name_length;
}

static uint8_t *put_postgres_timestamp(uint8_t *p, int64_t days, int64_t us, const struct zone *z,
                                       const struct layout *l) {
    static const char DAYS[] = "ThuFriSatSunMonTueWed";
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c = civil_of(days);
    memcpy(p, DAYS + 3 * ((days % 7 + 7) % 7), 3);
    p[3] = ' ';
    p += 4;
    if (l->day_first) {
        p = put_pair(p, c.day);
        *p++ = ' ';
    }
    memcpy(p, MONTHS + 3 * (c.month - 1), 3);
    p[3] = ' ';
    p += 4;
    if (!l->day_first) {
        p = put_pair(p, c.day);
        *p++ = ' ';
    }
    p = put_clock(p, us);
    *p++ = ' ';
    return put_era(put_zone(put_year(p, c.year), z, l), c.year);
}

static inline uint8_t *put_timestamp(uint8_t *p, int64_t us, const struct zone *z, const struct layout *l) {
    if (us == INT64_MAX) return put_text(p, "infinity");
    if (us <= -INT64_MAX) return put_text(p, "-infinity");
    if (z != NULL) us += z->shift_us;
    int64_t days = us / US_DAY, rest = us % US_DAY;
    if (rest < 0) {
        rest += US_DAY;
        days--;
    }
    if (l->date_style == POSTGRES) return put_postgres_timestamp(p, days, rest, z, l);
    if ((uint64_t)days < WRITTEN_DAYS) {
        p = put_day(p, days, l);
        *p++ = ' ';
        return put_zone(put_clock(p, rest), z, l);
    }
    struct civil c = civil_of(days);
    p = put_date_parts(p, c, l);
    *p++ = ' ';
    return put_era(put_zone(put_clock(p, rest), z, l), c.year);
}
#endif
