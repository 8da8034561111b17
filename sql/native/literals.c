/* Long texts of SQL, read without a regular expression: rows of literals to columns in Arrow's layout, the next
 * semicolon, long names.
 *
 * take_values reads what stands behind VALUES and writes into buffers that the caller has made. It takes what is
 * plainly a value of its column and gives up at the first cell that is not: the statement is then read in the ordinary
 * way, which also says what is wrong. So it may refuse, but never take, too much. Knows nothing of Python;
 * literals.py calls it with the interpreter's lock released.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

enum kind {
    DEFAULTS = 0, INT2, INT4, INT8, NUMERIC, FLOAT4, FLOAT8, STRING, PADDED, SUPER, BOOL, DATE, TIME, TIMESTAMP, TIMESTAMPTZ,
    SAME /* each cell is the word or call that is known, as it is written */
};
enum { REFUSED = -1, ASKED = -2 };
enum { DIGITS_MAX = 37, DIGITS_WORD = 18, FLOAT_BYTES = 60 };

struct column {
    int32_t kind;
    int32_t limit; /* digits of a NUMERIC; bytes of a STRING or PADDED, 0 for any number */
    int32_t scale;
    int32_t not_null;
    int64_t nulls; /* counted here */
    int64_t room;  /* bytes of all strings, counted here */
    uint8_t *valid;
    void *values;         /* of strings struct span */
    const uint8_t *known; /* types that a cell may be cast to, each ended by NUL; 'type where it stands before the string */
    int64_t known_bytes;
};

struct span {
    int64_t from;
    int32_t length; /* as written */
    int32_t escaped;
};

struct question {
    int64_t from, to; /* a type that is not among those known */
    int32_t column;
    int32_t before; /* whether it stands before a string */
};

enum form { NUMBER, TEXT, NOTHING, TRUTH, UNTRUTH, USUAL, CALLED };

struct cell {
    enum form form;
    const uint8_t *from, *to; /* digits without their sign, a string without its quotes */
    int negative, apart;      /* its sign; whether that stands apart */
    int cast;
    int escaped;
    uint8_t high; /* all bytes, ored */
};

struct reading {
    const uint8_t *text, *end;
    const struct column *column;
    struct question *question;
};

static int is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static int is_letter(uint8_t c) { return (uint8_t)((c | 32) - 'a') < 26; }
static int is_word(uint8_t c) { return is_letter(c) || is_digit(c) || c == '_'; }

static const uint8_t *past_blanks(const uint8_t *p, const uint8_t *end) {
    while (p < end && is_blank(*p)) p++;
    return p;
}

static int says(const uint8_t *p, int64_t n, const char *word) {
    for (int64_t i = 0; i < n; i++)
        if (word[i] == 0 || (p[i] & ~32) != word[i]) return 0;
    return word[n] == 0;
}

/* Numbers */

struct digits {
    const uint8_t *point; /* NULL without one */
    int whole, places, exponent;
    int plain; /* no exponent, and a digit on both sides of the point */
};

/* Read [digits][.digits][e[+-]digits] and return where it ends, NULL where there is none. */
static const uint8_t *read_digits(const uint8_t *p, const uint8_t *end, struct digits *d) {
    *d = (struct digits){0};
    for (; p < end && is_digit(*p); p++) d->whole++;
    if (p < end && *p == '.') {
        d->point = p++;
        for (; p < end && is_digit(*p); p++) d->places++;
    }
    if (d->whole + d->places == 0) return NULL;
    d->plain = d->whole > 0 && (d->point == NULL || d->places > 0);
    if (p < end && (*p | 32) == 'e') {
        const uint8_t *q = p + 1;
        if (q < end && (*q == '-' || *q == '+')) q++;
        if (q == end || !is_digit(*q)) return NULL;
        while (q < end && is_digit(*q)) q++;
        d->exponent = 1;
        p = q;
    }
    return p;
}

/* A number as it stands, or as a string holds it. */
static int number_of(const struct cell *c, struct digits *d, const uint8_t **from, int *negative) {
    const uint8_t *p = c->from;
    *negative = c->negative;
    if (c->form == TEXT) {
        if (c->escaped) return 0;
        if (p < c->to && (*p == '-' || *p == '+')) *negative = *p++ == '-';
    } else if (c->form != NUMBER)
        return 0;
    *from = p;
    return read_digits(p, c->to, d) == c->to && (d->plain || c->form == NUMBER);
}

static int take_integer(const struct cell *c, int bits, int64_t *out) {
    struct digits d;
    const uint8_t *p;
    int negative;
    if (!number_of(c, &d, &p, &negative) || d.exponent || d.whole > DIGITS_WORD + 1 || d.whole == 0) return 0;
    uint64_t sum = 0;
    for (int i = 0; i < d.whole; i++) sum = 10 * sum + (uint64_t)(p[i] - '0');
    if (d.point != NULL) {
        /* A NUMERIC, which is rounded. */
        if (c->form != NUMBER || c->cast || d.places == 0 || d.whole + d.places > DIGITS_MAX) return 0;
        sum += d.point[1] >= '5';
    }
    uint64_t most = (UINT64_C(1) << bits) - 1;
    /* -32768::int2 is the minus of a cast. */
    if (sum > most + (negative && !c->cast)) return 0;
    *out = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 1;
}

static int take_numeric(const struct cell *c, const struct column *column, u128 *out) {
    struct digits d;
    const uint8_t *p;
    int negative;
    if (!number_of(c, &d, &p, &negative) || d.exponent || d.whole + d.places > DIGITS_MAX) return 0;
    if (d.point != NULL && d.places == 0) return 0;
    u128 sum = 0, most = 1;
    for (int i = 0; i < d.whole; i++) sum = 10 * sum + (unsigned)(p[i] - '0');
    for (int i = 0; i < column->scale; i++) {
        if (sum > ((u128)1 << 124)) return 0;
        sum = 10 * sum + (i < d.places ? (unsigned)(d.point[1 + i] - '0') : 0);
    }
    if (d.places > column->scale) sum += d.point[1 + column->scale] >= '5';
    for (int i = 0; i < column->limit; i++) most *= 10;
    if (sum >= most) return 0;
    *out = negative ? -sum : sum;
    return 1;
}

static int take_float(const struct cell *c, int single, void *out) {
    struct digits d;
    const uint8_t *p;
    int negative;
    char copy[FLOAT_BYTES + 2], *rest;
    if (!number_of(c, &d, &p, &negative) || (d.point != NULL && d.places == 0)) return 0;
    int64_t length = c->to - p;
    if (length > FLOAT_BYTES || d.whole + d.places > DIGITS_MAX) return 0;
    int zero = 1;
    for (const uint8_t *q = p; q < c->to && (*q | 32) != 'e'; q++) zero &= *q == '0' || *q == '.';
    if (zero && negative && c->form == NUMBER) return 0;
    copy[0] = negative ? '-' : '+';
    memcpy(copy + 1, p, (size_t)length);
    copy[length + 1] = 0;
    double value = single ? (double)strtof(copy, &rest) : strtod(copy, &rest);
    if (*rest || isinf(value) || (!zero && fabs(value) < (single ? (double)FLT_MIN : DBL_MIN))) return 0;
    if (single)
        *(float *)out = (float)value;
    else
        *(double *)out = value;
    return 1;
}

/* Strings */

static int simple_escape(uint8_t c) { return c < 128 && c != 'x' && !(c >= '0' && c <= '7'); }

/* Return the bytes that the string stands for, -1 where it holds escapes that are left to others. */
static int64_t content_bytes(const struct cell *c) {
    if (!c->escaped) return c->to - c->from;
    int64_t bytes = 0;
    for (const uint8_t *p = c->from; p < c->to; p++, bytes++)
        if (*p == '\'' || *p == '\\') {
            if (*p == '\\' && !simple_escape(p[1])) return -1;
            p++;
        }
    return bytes;
}

static int is_canonical(const struct cell *c) {
    struct digits d;
    const uint8_t *end = read_digits(c->from, c->to, &d);
    int zero = 1;
    for (const uint8_t *p = c->from; p < c->to; p++) zero &= *p == '0' || *p == '.';
    if (end != c->to || !d.plain || d.exponent || c->apart || (zero && c->negative)) return 0;
    if (d.whole > 1 && c->from[0] == '0') return 0;
    return d.point == NULL ? d.whole <= DIGITS_WORD : d.whole + d.places <= DIGITS_MAX;
}

static int take_string(const struct cell *c, const struct column *column, const uint8_t *text, struct span *out) {
    const uint8_t *from = c->from;
    int64_t length = c->to - from, bytes = length;
    if (c->form == NUMBER) {
        if (column->kind == SUPER || !is_canonical(c)) return 0;
        from -= c->negative;
        bytes = length += c->negative;
    } else if (c->form != TEXT || (bytes = content_bytes(c)) < 0)
        return 0;
    if (column->limit && bytes > column->limit) return 0;
    if (column->kind == PADDED) {
        if (c->high & 128) return 0;
        if (c->form == TEXT)
            while (length > 0 && from[length - 1] == ' ' && (length < 2 || from[length - 2] != '\\')) length--, bytes--;
        /* A blank behind a backslash is one all the same. */
        if (c->escaped && length > 1 && from[length - 1] == ' ') return 0;
    }
    *out = (struct span){from - text, (int32_t)length, c->escaped};
    return (int)bytes + 1;
}

static int take_truth(const struct cell *c) {
    if (c->form == TRUTH || c->form == UNTRUTH) return c->form == TRUTH;
    if (c->form != TEXT) return -1;
    static const char *const words[] = {"F", "FALSE", "N", "NO", "T", "TRUE", "Y", "YES"};
    for (int i = 0; i < 8; i++)
        if (says(c->from, c->to - c->from, words[i])) return i >= 4;
    return -1;
}

/* Dates and times */

static int two(const uint8_t *p) { return is_digit(p[0]) && is_digit(p[1]) ? 10 * (p[0] - '0') + p[1] - '0' : -1; }

static int take_date(const uint8_t *p, int32_t *day) {
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int century = two(p), of_century = two(p + 2), month = two(p + 5), of_month = two(p + 8);
    if (century < 10 || century > 29 || of_century < 0 || p[4] != '-' || p[7] != '-') return 0;
    if (month < 1 || month > 12 || of_month < 1) return 0;
    int year = 100 * century + of_century;
    int leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (of_month > DAYS[month - 1] + leap) return 0;
    /* Days since the first of March of year 0, in eras of 400 years. */
    year -= month <= 2;
    int era = year / 400, of_era = year - 400 * era;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + of_month - 1;
    *day = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return 1;
}

/* Read HH:MM:SS[.ffffff] and return where it ends, NULL where there is none. */
static const uint8_t *take_clock(const uint8_t *p, const uint8_t *end, int64_t *us) {
    if (end - p < 8 || p[2] != ':' || p[5] != ':') return NULL;
    int hour = two(p), minute = two(p + 3), second = two(p + 6);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return NULL;
    *us = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000;
    p += 8;
    if (p == end || *p != '.') return p;
    int64_t unit = 100000;
    const uint8_t *first = ++p;
    for (; p < end && is_digit(*p); p++, unit /= 10) {
        if (unit == 0) return NULL;
        *us += (*p - '0') * unit;
    }
    return p == first ? NULL : p;
}

static int is_zone(const uint8_t *p, const uint8_t *end) {
    if (p == end) return 1;
    if (end - p < 3 || (*p != '-' && *p != '+') || two(p + 1) < 0 || two(p + 1) > 14) return 0;
    return end - p == 3 || (end - p == 6 && p[3] == ':' && two(p + 4) >= 0 && two(p + 4) < 60);
}

static int take_moment(const struct cell *c, int zoned, int64_t *day, int64_t *us) {
    int32_t date;
    const uint8_t *p = c->from;
    if (c->form != TEXT || c->escaped || c->to - p < 10 || !take_date(p, &date)) return 0;
    *day = date;
    *us = 0;
    p += 10;
    if (p == c->to) return 1;
    if (*p != ' ' && (*p != 'T' || zoned)) return 0;
    p = take_clock(p + 1, c->to, us);
    return p != NULL && (zoned ? is_zone(p, c->to) : p == c->to);
}

/* Cells */

/* Return whether a cell may be cast to the type between *from* and *to*; raise the question where it is new. */
static int is_known(const struct reading *r, const uint8_t *from, const uint8_t *to, int before) {
    if (r->column == NULL) return 1;
    const uint8_t *p = r->column->known, *end = p + r->column->known_bytes;
    for (; p < end; p += strlen((const char *)p) + 1) {
        const uint8_t *name = p + (*p == '\'');
        if ((*p == '\'') == before && strlen((const char *)name) == (size_t)(to - from) &&
            memcmp(name, from, (size_t)(to - from)) == 0)
            return 1;
    }
    r->question->from = from - r->text;
    r->question->to = to - r->text;
    r->question->before = before;
    return 0;
}

static const uint8_t *past_words(const uint8_t *p, const uint8_t *end) {
    while (p < end && (is_word(*p) || is_blank(*p))) p++;
    return p;
}

/* Read a type, words with (n) or (n, n) behind one of them; NULL where it is none that is known. */
static const uint8_t *read_type(const struct reading *r, const uint8_t *p) {
    const uint8_t *from = p, *end = r->end;
    if (p == end || !is_letter(*p)) return NULL;
    p = past_words(p, end);
    if (p < end && *p == '(') {
        for (p++; p < end && (is_digit(*p) || is_blank(*p) || *p == ','); p++) continue;
        if (p == end || *p != ')') return NULL;
        p = past_words(p + 1, end);
    }
    while (is_blank(p[-1])) p--;
    return is_known(r, from, p, 0) ? p : NULL;
}

static const uint8_t *read_string(const uint8_t *p, const uint8_t *end, struct cell *c) {
    c->form = TEXT;
    c->from = ++p;
    for (;; p++) {
        if (p == end) return NULL;
        if (*p == '\\') {
            if (++p == end) return NULL;
            c->escaped = 1;
        } else if (*p == '\'') {
            if (p + 1 == end || p[1] != '\'') break;
            p++;
            c->escaped = 1;
        }
        c->high |= *p;
    }
    c->to = p;
    return p + 1;
}

static const uint8_t *read_number(const uint8_t *p, const uint8_t *end, struct cell *c) {
    struct digits d;
    c->form = NUMBER;
    if (*p == '-' || *p == '+') {
        c->negative = *p == '-';
        c->apart = *p == '+';
        const uint8_t *digits = past_blanks(p + 1, end);
        c->apart |= digits != p + 1;
        p = digits;
    }
    c->from = p;
    p = read_digits(p, end, &d);
    return p == NULL || (p < end && (is_word(*p) || *p == '.')) ? NULL : (c->to = p);
}

static const uint8_t *read_plain(const struct reading *r, const uint8_t *p, struct cell *c) {
    if (p == r->end) return NULL;
    if (*p == '\'') return read_string(p, r->end, c);
    if (!is_letter(*p)) return read_number(p, r->end, c);
    const uint8_t *from = p;
    while (p < r->end && is_word(*p)) p++;
    int64_t n = p - from;
    if (p < r->end && *p == '\'' && says(from, n, "E")) return read_string(p, r->end, c);
    static const struct { const char *word; enum form form; } words[] = {
        {"NULL", NOTHING}, {"TRUE", TRUTH}, {"FALSE", UNTRUTH}, {"DEFAULT", USUAL}};
    for (int i = 0; i < 4; i++)
        if (says(from, n, words[i].word)) {
            c->form = words[i].form;
            return p;
        }
    if (r->column == NULL || r->column->kind == SAME) {
        const uint8_t *call = past_blanks(p, r->end);
        if (call < r->end && *call == '(') {
            call = past_blanks(call + 1, r->end);
            if (call < r->end && *call == ')') p = ++call;
        }
        call = past_blanks(p, r->end);
        if (call < r->end && (*call == ',' || *call == ')')) {
            c->form = CALLED;
            c->from = from;
            return c->to = p;
        }
    }
    p = past_words(p, r->end);
    if (p == r->end || *p != '\'') return NULL;
    const uint8_t *to = p;
    while (is_blank(to[-1])) to--;
    c->cast = 1;
    return is_known(r, from, to, 1) ? read_string(p, r->end, c) : NULL;
}

static const uint8_t *read_cast(const struct reading *r, const uint8_t *p, struct cell *c) {
    p = past_blanks(p + 4, r->end);
    if (p == r->end || *p != '(') return NULL;
    p = read_plain(r, past_blanks(p + 1, r->end), c);
    if (p == NULL || c->form >= USUAL) return NULL;
    p = past_blanks(p, r->end);
    if (r->end - p < 4 || !says(p, 2, "AS") || !is_blank(p[2])) return NULL;
    p = read_type(r, past_blanks(p + 2, r->end));
    if (p == NULL) return NULL;
    p = past_blanks(p, r->end);
    c->cast = 1;
    return p < r->end && *p == ')' ? p + 1 : NULL;
}

static const uint8_t *read_cell(const struct reading *r, const uint8_t *p, struct cell *c) {
    memset(c, 0, sizeof *c);
    int called = r->end - p > 5 && says(p, 4, "CAST") && !is_word(p[4]);
    p = called ? read_cast(r, p, c) : read_plain(r, p, c);
    while (p != NULL) {
        p = past_blanks(p, r->end);
        if (r->end - p < 3 || p[0] != ':' || p[1] != ':') break;
        if (c->form >= USUAL) return NULL;
        c->cast = 1;
        p = read_type(r, past_blanks(p + 2, r->end));
    }
    return p;
}

static int store(const struct cell *c, struct column *column, const uint8_t *text, int64_t row) {
    int64_t day = 0, us = 0, number = 0;
    int taken;
    if (c->form == NOTHING) {
        column->valid[row / 8] &= (uint8_t)~(1u << (row % 8));
        column->nulls++;
        return !column->not_null;
    }
    switch (column->kind) {
    case INT2:
        taken = take_integer(c, 15, &number);
        ((int16_t *)column->values)[row] = (int16_t)number;
        return taken;
    case INT4:
        taken = take_integer(c, 31, &number);
        ((int32_t *)column->values)[row] = (int32_t)number;
        return taken;
    case INT8: return take_integer(c, 63, (int64_t *)column->values + row);
    case NUMERIC: return take_numeric(c, column, (u128 *)column->values + row);
    case FLOAT4: return take_float(c, 1, (float *)column->values + row);
    case FLOAT8: return take_float(c, 0, (double *)column->values + row);
    case STRING:
    case PADDED:
    case SUPER:
        taken = take_string(c, column, text, (struct span *)column->values + row);
        column->room += taken - 1;
        return taken > 0;
    case BOOL:
        taken = take_truth(c);
        if (taken > 0) ((uint8_t *)column->values)[row / 8] |= (uint8_t)(1u << (row % 8));
        return taken >= 0;
    case DATE:
        taken = take_moment(c, 0, &day, &us);
        ((int32_t *)column->values)[row] = (int32_t)day;
        return taken;
    case TIME:
        if (c->form != TEXT || c->escaped) return 0;
        return take_clock(c->from, c->to, (int64_t *)column->values + row) == c->to;
    case TIMESTAMP:
        taken = take_moment(c, 0, &day, &us);
        ((int64_t *)column->values)[row] = day * INT64_C(86400000000) + us;
        return taken;
    case TIMESTAMPTZ:
        if (!take_moment(c, 1, &day, &us)) return 0;
        ((struct span *)column->values)[row] = (struct span){c->from - text, (int32_t)(c->to - c->from), 0};
        column->room += c->to - c->from;
        return 1;
    }
    return 0;
}

/* Read the first row, at *place*, and return how many cells it has. Of each, *places* has where it is a lone word or a
 * call without arguments; from -1 it is DEFAULT, from -2 a literal. */
int32_t take_width(const uint8_t *text, int64_t length, int64_t place, int64_t *places, int32_t most) {
    struct reading r = {text, text + length, NULL, NULL};
    struct cell cell;
    const uint8_t *p = text + place;
    for (int32_t i = 0; i < most; i++) {
        if (p == r.end || *p != (i ? ',' : '(')) return REFUSED;
        p = read_cell(&r, past_blanks(p + 1, r.end), &cell);
        if (p == NULL || p == r.end) return REFUSED;
        places[2 * i] = cell.form == CALLED ? cell.from - text : cell.form == USUAL ? -1 : -2;
        places[2 * i + 1] = cell.to - text;
        if (*p == ')') return i + 1;
    }
    return REFUSED;
}

static int fits(const struct cell *c, struct column *column, const uint8_t *text, int64_t row) {
    if (column->kind == DEFAULTS) return c->form == USUAL;
    if (column->kind == SAME)
        return c->form == CALLED && c->to - c->from == column->known_bytes &&
               memcmp(c->from, column->known, (size_t)column->known_bytes) == 0;
    return store(c, column, text, row);
}

/* Read rows from *place* to the end of *text* and return how many there are, at most *most*. */
int64_t take_values(
    const uint8_t *text, int64_t length, int64_t place, struct column *columns, int32_t width, int64_t most,
    struct question *question
) {
    struct reading r = {text, text + length, columns, question};
    struct cell cell;
    const uint8_t *p = text + place;
    question->from = -1;
    for (int64_t row = 0;; row++) {
        if (row == most || p == r.end || *p != '(') return REFUSED;
        for (int32_t i = 0; i < width; i++) {
            if (p == r.end || *p != (i ? ',' : '(')) return REFUSED;
            r.column = columns + i;
            question->column = i;
            p = read_cell(&r, past_blanks(p + 1, r.end), &cell);
            if (p == NULL) return question->from < 0 ? REFUSED : ASKED;
            if (!fits(&cell, columns + i, text, row)) return REFUSED;
        }
        if (p == r.end || *p != ')') return REFUSED;
        p = past_blanks(p + 1, r.end);
        if (p == r.end) return row + 1;
        if (*p != ',') return REFUSED;
        p = past_blanks(p + 1, r.end);
    }
}

/* Put a column's strings together, which take_values has found and counted. */
void take_strings(const uint8_t *text, const struct span *spans, int64_t rows, int32_t *offsets, uint8_t *out) {
    static const char *const letters = "b\bf\fn\nr\rt\t";
    uint8_t *q = out;
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *p = text + spans[row].from, *end = p + spans[row].length;
        offsets[row] = (int32_t)(q - out);
        if (!spans[row].escaped) {
            if (end > p) memcpy(q, p, (size_t)(end - p));
            q += end - p;
            continue;
        }
        for (; p < end; p++) {
            if (*p == '\'') p++;
            if (*p == '\\') {
                const char *letter = strchr(letters, *++p);
                *q++ = letter != NULL && (letter - letters) % 2 == 0 ? (uint8_t)letter[1] : *p;
            } else
                *q++ = *p;
        }
    }
    offsets[rows] = (int32_t)(q - out);
}

/* Return the place of the next semicolon, comment, dollar quote or lone quote: all before is past over whole. */
int64_t calm_until(const uint8_t *text, int64_t length, int64_t place) {
    const uint8_t *p = text + place, *end = text + length;
    for (; p < end; p++) {
        const uint8_t *start = p;
        switch (*p) {
        case ';': return p - text;
        case '-':
        case '/':
            if (p + 1 < end && p[1] == (*p == '-' ? '-' : '*')) return p - text;
            break;
        case '$':
            if (p + 1 == end || !is_digit(p[1])) return p - text;
            break;
        case '\'':
            for (p++; p < end && *p != '\''; p++) p += *p == '\\';
            if (p >= end) return start - text;
            break;
        case '"':
            p = memchr(p + 1, '"', (size_t)(end - p - 1));
            if (p == NULL) return start - text;
        }
    }
    return length;
}

/* Tell whether there may be a name of *least* characters: so many letters, or so many bytes behind a double quote. */
int32_t has_long_name(const uint8_t *text, int64_t length, int64_t least) {
    int64_t word = 0, quoted = least;
    for (int64_t i = 0; i < length; i++) {
        uint8_t c = text[i];
        word = is_word(c) || c == '$' || c >= 128 ? word + 1 : 0;
        quoted = c == '"' ? 0 : quoted + 1;
        if (word >= least || quoted == least) return 1;
    }
    return 0;
}
