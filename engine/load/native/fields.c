/* Lines of delimited text and CSV to columns in Arrow's layout.
 *
 * Takes whole lines, the last of them ended; writes into buffers that the caller has sized for as many rows as there
 * are line ends. Gives up at the first field that is not plainly a value of its column: the caller then loads in a
 * slower way, which also says what is wrong. So this may refuse, but never take, too much. Knows nothing of Python;
 * fields.py calls it with the interpreter's lock released.
 */
#include <stdint.h>
#include <string.h>

typedef __int128 i128;

enum kind { INT2 = 1, INT4, INT8, NUMERIC, DATE, TIMESTAMP, STRING, PADDED };

struct column {
    int32_t kind;
    int32_t precision; /* of a NUMERIC; bytes of a STRING or PADDED, 0 for any number */
    int32_t scale;
    int32_t not_null;
    int64_t nulls; /* counted here */
    uint8_t *valid;
    void *values; /* of a STRING or PADDED its offsets */
    uint8_t *text;
    int64_t room; /* bytes of text */
};

struct layout {
    uint8_t delimiter;
    uint8_t quote; /* 0: there are no quotes */
    uint8_t skip_blank;
    uint8_t round;
    int32_t null_bytes;
    const uint8_t *null_as;
};

struct field {
    const uint8_t *from, *to;
    int quoted, doubled; /* within quotes; has doubled ones */
    uint8_t high;        /* all bytes, ored */
};

static int parse_digits(const uint8_t *p, int n) {
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return -1;
        value = 10 * value + p[i] - '0';
    }
    return value;
}

static int parse_date(const uint8_t *p, int32_t *day) {
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = parse_digits(p, 4), month = parse_digits(p + 5, 2), of_month = parse_digits(p + 8, 2);
    if (p[4] != '-' || p[7] != '-' || year < 1 || month < 1 || month > 12 || of_month < 1) return 0;
    int leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (of_month > DAYS[month - 1] + leap) return 0;
    /* Days since the first of March of year 0, in eras of 400 years. */
    year -= month <= 2;
    int era = year / 400, of_era = year - 400 * era;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + of_month - 1;
    *day = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return 1;
}

static int parse_timestamp(const uint8_t *p, int64_t n, int64_t *moment) {
    int32_t day;
    if ((n != 10 && n < 19) || !parse_date(p, &day)) return 0;
    int64_t us = 0;
    if (n >= 19) {
        int hour = parse_digits(p + 11, 2), minute = parse_digits(p + 14, 2), second = parse_digits(p + 17, 2);
        if (p[10] != ' ' || p[13] != ':' || p[16] != ':') return 0;
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return 0;
        us = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000;
        if (n > 19) {
            int places = (int)n - 20, fraction;
            if (p[19] != '.' || places < 1 || places > 6 || (fraction = parse_digits(p + 20, places)) < 0) return 0;
            for (; places < 6; places++) fraction *= 10;
            us += fraction;
        }
    }
    *moment = (int64_t)day * 86400000000LL + us;
    return 1;
}

static int parse_integer(const uint8_t *p, const uint8_t *end, int64_t most, int64_t *value) {
    int negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (p == end || end - p > 19) return 0;
    uint64_t sum = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9') return 0;
        sum = 10 * sum + (*p - '0');
    }
    if (sum > (uint64_t)most + negative) return 0;
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 1;
}

static int parse_numeric(
    const uint8_t *p, const uint8_t *end, const struct column *c, int round, i128 most, uint8_t *out
) {
    int negative = *p == '-', digits = 0, places = 0, point = 0, up = 0;
    p += *p == '-' || *p == '+';
    unsigned __int128 sum = 0, tenth = (unsigned __int128)most / 10;
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = 1;
            continue;
        }
        if (*p < '0' || *p > '9') return 0;
        digits++;
        if (point && places == c->scale) {
            /* Beyond the scale: cut off, or the first of them decides. */
            if (up == 0) up = *p >= '5' ? 1 : -1;
            continue;
        }
        places += point;
        if (sum > tenth) return 0;
        sum = 10 * sum + (*p - '0');
    }
    if (!digits) return 0;
    for (; places < c->scale; places++) {
        if (sum > tenth) return 0;
        sum *= 10;
    }
    if (round && up == 1) sum++;
    if (sum > (unsigned __int128)most) return 0;
    i128 value = negative ? -(i128)sum : (i128)sum;
    memcpy(out, &value, 16);
    return 1;
}

static int is_utf8(const uint8_t *p, const uint8_t *end) {
    while (p < end) {
        uint8_t c = *p++;
        if (c < 0x80) continue;
        int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || end - p < more) return 0;
        uint8_t next = *p;
        if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f)) return 0;
        if ((c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f)) return 0;
        for (; more; more--)
            if ((*p++ & 0xc0) != 0x80) return 0;
    }
    return 1;
}

/* Copies text, without the second of doubled quotes; returns its bytes, -1 where there is no room. */
static int64_t put_text(uint8_t *out, int64_t room, const struct field *f, uint8_t quote) {
    int64_t n = f->to - f->from;
    if (!f->doubled) {
        if (n > room) return -1;
        memcpy(out, f->from, n);
        return n;
    }
    uint8_t *start = out;
    for (const uint8_t *p = f->from; p < f->to; p++) {
        if (out - start == room) return -1;
        *out++ = *p;
        if (*p == quote) p++;
    }
    return out - start;
}

static int put_string(struct column *c, int64_t row, const struct field *f, uint8_t quote) {
    int32_t *ends = c->values;
    struct field held = *f;
    if (c->kind == PADDED) {
        if (f->high & 0x80) return 0;
        while (held.to > held.from && held.to[-1] == ' ') held.to--;
    } else if ((f->high & 0x80) && !is_utf8(f->from, f->to)) {
        return 0;
    }
    int64_t room = c->room - ends[row];
    if (c->precision && c->precision < room) room = c->precision;
    int64_t n = put_text(c->text + ends[row], room, &held, quote);
    if (n < 0) return 0;
    ends[row + 1] = ends[row] + (int32_t)n;
    return 1;
}

static int put_value(struct column *c, int64_t row, const uint8_t *p, const uint8_t *end, int round, i128 most) {
    int64_t value;
    switch (c->kind) {
    case INT2:
        if (!parse_integer(p, end, INT16_MAX, &value)) return 0;
        ((int16_t *)c->values)[row] = (int16_t)value;
        return 1;
    case INT4:
        if (!parse_integer(p, end, INT32_MAX, &value)) return 0;
        ((int32_t *)c->values)[row] = (int32_t)value;
        return 1;
    case INT8: return parse_integer(p, end, INT64_MAX, &((int64_t *)c->values)[row]);
    case NUMERIC: return parse_numeric(p, end, c, round, most, (uint8_t *)c->values + 16 * row);
    case DATE: return end - p == 10 && parse_date(p, &((int32_t *)c->values)[row]);
    case TIMESTAMP: return parse_timestamp(p, end - p, &((int64_t *)c->values)[row]);
    default: return 0;
    }
}

static int put_null(struct column *c, int64_t row) {
    static const uint8_t NOTHING[16];
    static const int WIDTH[] = {0, 2, 4, 8, 16, 4, 8};
    if (c->not_null) return 0;
    c->nulls++;
    c->valid[row >> 3] &= (uint8_t)~(1 << (row & 7));
    if (c->kind >= STRING)
        ((int32_t *)c->values)[row + 1] = ((int32_t *)c->values)[row];
    else
        memcpy((uint8_t *)c->values + WIDTH[c->kind] * row, NOTHING, WIDTH[c->kind]);
    return 1;
}

static int put(struct column *c, int64_t row, const struct field *f, const struct layout *layout, i128 most) {
    int64_t n = f->to - f->from;
    if (!f->quoted && n == layout->null_bytes && memcmp(f->from, layout->null_as, n) == 0) return put_null(c, row);
    if (c->kind >= STRING) return put_string(c, row, f, layout->quote);
    if (f->doubled) return 0;
    const uint8_t *from = f->from, *to = f->to;
    while (from < to && *from == ' ') from++;
    while (from < to && to[-1] == ' ') to--;
    if (from == to) return put_null(c, row);
    if ((c->kind == DATE || c->kind == TIMESTAMP) && to - from != n) return 0;
    return put_value(c, row, from, to, layout->round, most);
}

/* Finds a field's end; returns what ends it: the delimiter or the end of the line, NULL for neither. */
static const uint8_t *take(const uint8_t *p, const uint8_t *end, const uint8_t *stops, uint8_t quote, struct field *f) {
    uint8_t high = 0;
    f->quoted = f->doubled = 0;
    if (quote && *p == quote) {
        f->quoted = 1;
        f->from = ++p;
        for (;; p++) {
            while (p < end && *p != quote) {
                if (*p == 0) return NULL;
                high |= *p++;
            }
            /* The last byte of all is a line's end. */
            if (p >= end - 1) return NULL;
            if (p[1] != quote) break;
            f->doubled = 1;
            p++;
        }
        f->to = p++;
        if (!stops[*p]) return NULL;
    } else {
        f->from = p;
        while (!stops[*p]) high |= *p++;
        f->to = p;
    }
    f->high = high;
    if (*p == '\r' && p + 1 < end && p[1] == '\n') return p + 1;
    return stops[*p] == 1 ? p : NULL;
}

/* Returns the rows taken, -1 where there is one that cannot be, -2 where that is a blank line. */
int64_t take_rows(
    const uint8_t *data, int64_t size, const struct layout *layout, struct column *columns, int32_t count
) {
    uint8_t stops[256] = {0};
    stops[layout->delimiter] = stops['\n'] = 1;
    stops['\r'] = stops[0] = 2;
    if (layout->quote) stops[layout->quote] = 2;
    i128 most[1600];
    for (int32_t i = 0; i < count; i++) {
        most[i] = 1;
        for (int d = 0; columns[i].kind == NUMERIC && d < columns[i].precision; d++) most[i] *= 10;
        most[i] -= 1;
    }
    const uint8_t *p = data, *end = data + size;
    int64_t row = 0;
    struct field f;
    while (p < end) {
        if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n')) {
            if (layout->skip_blank) {
                p += *p == '\r' ? 2 : 1;
                continue;
            }
            if (count > 1) return -2;
        }
        for (int32_t i = 0; i < count; i++) {
            const uint8_t *stop = take(p, end, stops, layout->quote, &f);
            if (stop == NULL || !put(&columns[i], row, &f, layout, most[i])) return -1;
            int last = *stop != layout->delimiter;
            p = stop + 1;
            if (i + 1 < count ? last : !last) {
                /* A delimiter at the end of a line ends its last field. */
                if (i + 1 < count) return -1;
                if (*p == '\r' && p + 1 < end) p++;
                if (p >= end || *p != '\n') return -1;
                p++;
            }
        }
        row++;
    }
    return row;
}
