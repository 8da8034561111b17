/* Binary forms of values, as PostgreSQL's send functions write them. Integers are big-endian. */
#ifndef DUCKSHIFT_BINARY_H
#define DUCKSHIFT_BINARY_H
#include "interval.h"

#define EPOCH_DAYS 10957                       /* 1970-01-01 to 2000-01-01 */
#define EPOCH_US (EPOCH_DAYS * US_DAY)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Arrow buffers are read as little-endian"
#endif

static inline uint8_t *put16(uint8_t *p, uint16_t v) {
    v = __builtin_bswap16(v);
    memcpy(p, &v, 2);
    return p + 2;
}

static inline uint8_t *put32(uint8_t *p, uint32_t v) {
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
    return p + 4;
}

static inline uint8_t *put64(uint8_t *p, uint64_t v) {
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
    return p + 8;
}

static inline u128 power(int n) { return n < 20 ? (u128)POWERS[n] : (u128)POWERS[19] * POWERS[n - 19]; }

/* numeric_send: digits to the base 10000, aligned to the decimal point, without zeros at either end. */
static uint8_t *put_numeric(uint8_t *p, i128 value, int scale) {
    uint16_t groups[24];
    int n = 0, fraction_groups = (scale + 3) / 4, odd = scale % 4;
    u128 v = value < 0 ? 0 - (u128)value : (u128)value;
    if (odd != 0) {
        uint64_t unit = POWERS[odd];
        groups[n++] = (uint16_t)((uint64_t)(v % unit) * POWERS[4 - odd]);
        v /= unit;
    }
    while (v > UINT64_MAX) {
        groups[n++] = (uint16_t)(v % 10000);
        v /= 10000;
    }
    for (uint64_t small = (uint64_t)v; small != 0; small /= 10000) groups[n++] = (uint16_t)(small % 10000);
    int low = 0;
    while (low < n && groups[low] == 0) low++;
    while (n > low && groups[n - 1] == 0) n--;
    int count = n - low;
    p = put16(p, (uint16_t)count);
    p = put16(p, (uint16_t)(count == 0 ? 0 : n - 1 - fraction_groups));
    p = put16(p, value < 0 ? 0x4000 : 0);
    p = put16(p, (uint16_t)scale);
    while (n > low) p = put16(p, groups[--n]);
    return p;
}

/* The same for a decimal of up to 18 digits, most of which have the scale of money. */
static inline uint8_t *put_short_numeric(uint8_t *p, int64_t value, int scale) {
    uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t whole = v / 100;
    if (scale != 2 || whole >= 100000000) return put_numeric(p, value, scale);
    uint16_t cents = (uint16_t)((v - whole * 100) * 100);
    uint16_t high = (uint16_t)(whole / 10000), low = (uint16_t)(whole % 10000);
    uint64_t head = 0;
    p = put64(p, head | (value < 0 ? 0x40000000ull : 0) | (uint64_t)scale);
    /* The count and the weight go in front once it is known which groups there are. */
    uint8_t *from = p;
    if (high != 0) p = put16(p, high);
    if (low != 0 || (high != 0 && cents != 0)) p = put16(p, low);
    if (cents != 0) p = put16(p, cents);
    put16(from - 8, (uint16_t)((p - from) / 2));
    put16(from - 6, (uint16_t)(high != 0 ? 1 : low != 0 || cents == 0 ? 0 : -1));
    return p;
}

static inline uint32_t binary_date(int32_t days) {
    if (days == INT32_MAX) return (uint32_t)INT32_MAX;
    if (days <= -INT32_MAX) return (uint32_t)INT32_MIN;
    return (uint32_t)(days - EPOCH_DAYS);
}

static inline uint64_t binary_timestamp(int64_t us) {
    if (us == INT64_MAX) return (uint64_t)INT64_MAX;
    if (us <= -INT64_MAX) return (uint64_t)INT64_MIN;
    return (uint64_t)(us - EPOCH_US);
}
#endif
