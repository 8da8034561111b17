/* Text forms of intervals: EncodeInterval of PostgreSQL's utils/adt/datetime.c. */
#ifndef DUCKSHIFT_INTERVAL_H
#define DUCKSHIFT_INTERVAL_H
#include "text.h"

/* Arrow's month_day_nano */
struct interval {
    int32_t months, days;
    int64_t nanoseconds;
};

struct fields {
    int64_t part[5]; /* years, months, days, hours, minutes */
    int64_t seconds, us;
    int negative, positive;
};

static struct fields fields_of(const struct interval *v) {
    struct fields f;
    int64_t us = v->nanoseconds / 1000;
    f.part[0] = v->months / 12;
    f.part[1] = v->months % 12;
    f.part[2] = v->days;
    f.part[3] = us / (3600 * US_SECOND);
    us %= 3600 * US_SECOND;
    f.part[4] = us / (60 * US_SECOND);
    us %= 60 * US_SECOND;
    f.seconds = us / US_SECOND;
    f.us = us % US_SECOND;
    f.negative = v->months < 0 || v->days < 0 || v->nanoseconds < 0;
    f.positive = v->months > 0 || v->days > 0 || v->nanoseconds > 0;
    return f;
}

static uint8_t *put_seconds(uint8_t *p, const struct fields *f, int padded) {
    uint64_t s = (uint64_t)llabs(f->seconds);
    p = padded ? put_pair(p, (unsigned)s) : put_unsigned(p, s);
    return put_fraction(p, (unsigned)llabs(f->us));
}

static uint8_t *put_clock_part(uint8_t *p, const struct fields *f, int hours_padded) {
    uint64_t hours = (uint64_t)llabs(f->part[3]);
    p = hours_padded && hours < 10 ? put_pair(p, (unsigned)hours) : put_unsigned(p, hours);
    *p++ = ':';
    p = put_pair(p, (unsigned)llabs(f->part[4]));
    *p++ = ':';
    return put_seconds(p, f, 1);
}

static uint8_t *put_plain_interval(uint8_t *p, const struct fields *f, int64_t ns) {
    static const char *const UNITS[] = {"year", "mon", "day"};
    int zero = 1, before = 0;
    for (int i = 0; i < 3; i++) {
        int64_t v = f->part[i];
        if (v == 0) continue;
        if (!zero) *p++ = ' ';
        if (before && v > 0) *p++ = '+';
        p = put_integer(p, v);
        *p++ = ' ';
        p = put_text(p, UNITS[i]);
        if (v != 1) *p++ = 's';
        before = v < 0;
        zero = 0;
    }
    if (!zero && ns / 1000 == 0) return p;
    if (!zero) *p++ = ' ';
    if (ns / 1000 < 0) {
        *p++ = '-';
    } else if (before) {
        *p++ = '+';
    }
    return put_clock_part(p, f, 1);
}

static uint8_t *put_verbose_interval(uint8_t *p, const struct fields *f) {
    static const char *const UNITS[] = {"year", "mon", "day", "hour", "min"};
    int zero = 1, ago = 0;
    *p++ = '@';
    for (int i = 0; i < 5; i++) {
        int64_t v = f->part[i];
        if (v == 0) continue;
        if (zero) ago = v < 0;
        if (ago) v = -v;
        zero = 0;
        *p++ = ' ';
        p = put_integer(p, v);
        *p++ = ' ';
        p = put_text(p, UNITS[i]);
        if (v != 1) *p++ = 's';
    }
    if (f->seconds != 0 || f->us != 0) {
        int negative = f->seconds < 0 || f->us < 0;
        *p++ = ' ';
        if (negative && zero) {
            ago = 1;
        } else if (negative != ago) {
            *p++ = '-';
        }
        p = put_text(put_seconds(p, f, 0), " sec");
        if (llabs(f->seconds) != 1 || f->us != 0) *p++ = 's';
        zero = 0;
    }
    if (zero) p = put_text(p, " 0");
    return ago ? put_text(p, " ago") : p;
}

static uint8_t *put_mixed_interval(uint8_t *p, const struct fields *f, const struct interval *v) {
    *p++ = v->months < 0 ? '-' : '+';
    p = put_unsigned(p, (uint64_t)llabs(f->part[0]));
    *p++ = '-';
    p = put_unsigned(p, (uint64_t)llabs(f->part[1]));
    *p++ = ' ';
    *p++ = v->days < 0 ? '-' : '+';
    p = put_unsigned(p, (uint64_t)llabs(f->part[2]));
    *p++ = ' ';
    *p++ = v->nanoseconds < 0 ? '-' : '+';
    return put_clock_part(p, f, 0);
}

static uint8_t *put_standard_interval(uint8_t *p, const struct fields *f, const struct interval *v) {
    int year_month = v->months != 0, day_time = v->days != 0 || v->nanoseconds != 0;
    if (!f->negative && !f->positive) return put_text(p, "0");
    if ((f->negative && f->positive) || (year_month && day_time)) return put_mixed_interval(p, f, v);
    if (f->negative) *p++ = '-';
    if (year_month) {
        p = put_unsigned(p, (uint64_t)llabs(f->part[0]));
        *p++ = '-';
        return put_unsigned(p, (uint64_t)llabs(f->part[1]));
    }
    if (v->days != 0) {
        p = put_unsigned(p, (uint64_t)llabs(f->part[2]));
        *p++ = ' ';
    }
    return put_clock_part(p, f, 0);
}

static uint8_t *put_interval(uint8_t *p, const struct interval *v, int style) {
    struct fields f = fields_of(v);
    if (style == VERBOSE) return put_verbose_interval(p, &f);
    if (style == STANDARD) return put_standard_interval(p, &f, v);
    return put_plain_interval(p, &f, v->nanoseconds);
}

/* INTERVAL YEAR TO MONTH in IntervalStyle postgres: both fields, always in the plural. */
static uint8_t *put_year_month(uint8_t *p, int32_t months) {
    int32_t part[2] = {months / 12, months % 12};
    for (int i = 0; i < 2; i++) {
        if (part[i] < 0) *p++ = '-';
        p = put_unsigned(p, (uint64_t)llabs(part[i]));
        p = put_text(p, i == 0 ? " years " : " mons");
    }
    return p;
}

/* INTERVAL DAY TO SECOND is one number of microseconds; a month counts 30 days. */
static inline i128 total_us(const struct interval *v) {
    return ((i128)v->months * 30 + v->days) * US_DAY + v->nanoseconds / 1000;
}

static struct interval day_second_of(const struct interval *v) {
    i128 us = total_us(v);
    struct interval r;
    r.months = 0;
    r.days = (int32_t)(us / US_DAY);
    r.nanoseconds = (int64_t)(us % US_DAY) * 1000;
    return r;
}
#endif
