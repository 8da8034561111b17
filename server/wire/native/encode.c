/* Arrow record batches to rows of the PostgreSQL protocol: DataRow messages and the COPY formats.
 *
 * Reads the buffers of an exported batch, writes into a buffer that the caller owns and stops before the row
 * that does not fit. Knows nothing of Python; encode_native.py calls it with the interpreter's lock released.
 */
#include "binary.h"

/* More than any value without a length of its own takes, twice (COPY may escape every byte), and a row's head. */
#define ROOM 512

struct source {
    const uint8_t *valid; /* NULL: no value is null */
    const uint8_t *data;
    const void *ends;     /* offsets of a variable-length column */
    const uint8_t *limit; /* end of its data */
    int64_t first;        /* index of row 0 in the buffers */
    int kind, scale, width; /* of the plan */
    int64_t shift_us;
    int force_quote;
    const struct source *offsets, *zones;
};

static inline int is_large(int kind) {
    return kind == LARGE_BYTES || kind == LARGE_BYTES_HEX || kind == LARGE_PADDED_BYTES;
}

static inline int64_t end_of(const struct source *s, int64_t i) {
    return is_large(s->kind) ? ((const int64_t *)s->ends)[i] : ((const int32_t *)s->ends)[i];
}

static void bind_source(struct source *s, const struct ArrowArray *parent, int child, const struct plan *plan) {
    const struct ArrowArray *a = parent->children[child];
    memset(s, 0, sizeof *s);
    if (plan != NULL) {
        s->kind = plan->kind;
        s->scale = plan->scale;
        s->width = plan->width;
        s->shift_us = plan->shift_us;
        s->force_quote = plan->force_quote;
    }
    s->first = parent->offset + a->offset;
    if (a->n_buffers > 0 && a->null_count != 0) s->valid = a->buffers[0];
    if (a->n_buffers == 3) {
        s->ends = a->buffers[1];
        s->data = a->buffers[2];
        if (plan != NULL) s->limit = s->data + end_of(s, s->first + parent->length);
    } else if (a->n_buffers == 2) {
        s->data = a->buffers[1];
    }
}

static inline int bit(const uint8_t *bits, int64_t i) { return bits[i >> 3] >> (i & 7) & 1; }

static inline int64_t bytes_of(const struct source *s, int64_t i, int large, const uint8_t **from) {
    if (large) {
        const int64_t *ends = s->ends;
        *from = s->data + ends[i];
        return ends[i + 1] - ends[i];
    }
    const int32_t *ends = s->ends;
    *from = s->data + ends[i];
    return ends[i + 1] - ends[i];
}

static uint8_t *put_hex(uint8_t *p, const uint8_t *from, int64_t n) {
    static const char HEX[] = "0123456789abcdef";
    for (int64_t i = 0; i < n; i++) {
        *p++ = (uint8_t)HEX[from[i] >> 4];
        *p++ = (uint8_t)HEX[from[i] & 15];
    }
    return p;
}

static inline i128 decimal_of(const struct source *s, int64_t i) {
    i128 wide;
    switch (s->width) {
    case 4: return ((const int32_t *)s->data)[i];
    case 8: return ((const int64_t *)s->data)[i];
    default: memcpy(&wide, s->data + 16 * i, 16); return wide;
    }
}

/* CHAR(n): blanks up to n characters. */
static uint8_t *put_padded_bytes(uint8_t *p, const uint8_t *from, int64_t n, const struct source *s) {
    copy_bytes(p, from, n, s->limit);
    int64_t blanks = s->width - n;
    for (int64_t i = 0; i < n; i++) blanks += (p[i] & 0xc0) == 0x80;
    if (blanks <= 0) return p + n;
    memset(p + n, ' ', (size_t)blanks);
    return p + n + blanks;
}

static uint8_t *put_timestamptz(uint8_t *p, const struct source *s, int64_t row, const struct layout *l) {
    struct zone z = {s->shift_us, NULL, 0};
    if (s->offsets != NULL) z.shift_us = ((const int64_t *)s->offsets->data)[s->offsets->first + row];
    if (s->zones != NULL) z.name_length = bytes_of(s->zones, s->zones->first + row, 0, &z.name);
    return put_timestamp(p, ((const int64_t *)s->data)[s->first + row], &z, l);
}

#define AT(type) (((const type *)s->data)[i])

/* put_value for the kinds that are seldom met or take their time anyway. */
static __attribute__((noinline)) uint8_t *put_rare(uint8_t *p, const uint8_t *end, const struct source *s, int64_t row,
                                                   const struct layout *l, int unit) {
    int64_t i = s->first + row, n;
    const uint8_t *from;
    struct interval iv;
    i128 wide;
    switch ((enum kind)s->kind) {
    case BYTES_HEX:
    case LARGE_BYTES_HEX:
        n = bytes_of(s, i, s->kind == LARGE_BYTES_HEX, &from);
        if (2 * n * unit > end - p - ROOM) return NULL;
        return put_hex(p, from, n);
    case LARGE_PADDED_BYTES:
        n = bytes_of(s, i, 1, &from);
        if ((n + s->width) * unit > end - p - ROOM) return NULL;
        return put_padded_bytes(p, from, n, s);
    case DECIMAL_TEXT: return put_decimal(p, decimal_of(s, i), s->scale);
    case TIMESTAMPTZ_TEXT: return put_timestamptz(p, s, row, l);
    case FLOAT8_TEXT: return put_float(p, AT(double), l->float8_digits);
    case FLOAT4_TEXT: return put_float(p, (double)AT(float), l->float4_digits);
    case TIME_TEXT: return put_clock(p, AT(int64_t));
    case INTERVAL_TEXT: return put_interval(p, &AT(struct interval), l->interval_style);
    case YEAR_MONTH_TEXT:
        iv = (struct interval){AT(struct interval).months, 0, 0};
        return l->interval_style == PLAIN ? put_year_month(p, iv.months) : put_interval(p, &iv, l->interval_style);
    case DAY_SECOND_TEXT:
        iv = day_second_of(&AT(struct interval));
        return put_interval(p, &iv, l->interval_style);
    case DECIMAL_BINARY: return put_numeric(p, decimal_of(s, i), s->scale);
    case DECIMAL_RAW8: return put64(p, (uint64_t)decimal_of(s, i));
    case DECIMAL_RAW16:
        wide = decimal_of(s, i);
        return put64(put64(p, (uint64_t)((u128)wide >> 64)), (uint64_t)wide);
    case INTERVAL_BINARY:
        iv = AT(struct interval);
        return put32(put32(put64(p, (uint64_t)(iv.nanoseconds / 1000)), (uint32_t)iv.days), (uint32_t)iv.months);
    case YEAR_MONTH_BINARY: return put32(p, (uint32_t)AT(struct interval).months);
    case DAY_SECOND_BINARY: return put64(p, (uint64_t)(int64_t)total_us(&AT(struct interval)));
    default: return p;
    }
}

/* Write the value of a row; NULL when it has no room. *unit* is what one byte may grow to. */
static inline __attribute__((always_inline)) uint8_t *put_value(uint8_t *p, const uint8_t *end, const struct source *s,
                                                                int64_t row, const struct layout *l, int unit) {
    int64_t i = s->first + row, n;
    const uint8_t *from;
    uint64_t word;
    uint32_t half;
    uint16_t quarter;
    switch ((enum kind)s->kind) {
    case BYTES:
    case LARGE_BYTES:
        n = bytes_of(s, i, s->kind == LARGE_BYTES, &from);
        if (n * unit > end - p - ROOM) return NULL;
        copy_bytes(p, from, n, s->limit);
        return p + n;
    case PADDED_BYTES:
        n = bytes_of(s, i, 0, &from);
        if ((n + s->width) * unit > end - p - ROOM) return NULL;
        return put_padded_bytes(p, from, n, s);
    case INT16_TEXT: return put_integer(p, AT(int16_t));
    case INT32_TEXT: return put_integer(p, AT(int32_t));
    case INT64_TEXT: return put_integer(p, AT(int64_t));
    case UINT32_TEXT: return put_unsigned(p, AT(uint32_t));
    case SHORT_DECIMAL_TEXT: return put_short_decimal(p, AT(int64_t), s->scale);
    case SHORT_DECIMAL_BINARY: return put_short_numeric(p, AT(int64_t), s->scale);
    case DATE_TEXT: return put_date(p, AT(int32_t), l);
    case TIMESTAMP_TEXT: return put_timestamp(p, AT(int64_t), NULL, l);
    case BOOL_TEXT: *p = bit(s->data, i) ? 't' : 'f'; return p + 1;
    case BOOL_BINARY: *p = (uint8_t)bit(s->data, i); return p + 1;
    case BITS16: memcpy(&quarter, s->data + 2 * i, 2); return put16(p, quarter);
    case BITS32: memcpy(&half, s->data + 4 * i, 4); return put32(p, half);
    case BITS64: memcpy(&word, s->data + 8 * i, 8); return put64(p, word);
    case DATE_BINARY: return put32(p, binary_date(AT(int32_t)));
    case TIMESTAMP_BINARY: return put64(p, binary_timestamp(AT(int64_t)));
    default: return put_rare(p, end, s, row, l, unit);
    }
}

static inline int is_null(const struct source *s, int64_t row) {
    return s->kind == ALWAYS_NULL || (s->valid != NULL && !bit(s->valid, s->first + row));
}

/* One row of DataRow or COPY BINARY: a count, then length and value of each column. */
static inline uint8_t *put_counted_row(uint8_t *p, const uint8_t *end, const struct source *s, int64_t row,
                                       const struct layout *l) {
    if (end - p < ROOM) return NULL;
    uint8_t *start = p;
    if (l->framing == DATA_ROW) p += 5;
    p = put16(p, (uint16_t)l->columns);
    for (const struct source *last = s + l->columns; s < last; s++) {
        if (end - p < ROOM) return NULL;
        if (is_null(s, row)) {
            p = put32(p, UINT32_MAX);
            continue;
        }
        uint8_t *value = p + 4;
        p = put_value(value, end, s, row, l, 1);
        if (p == NULL) return NULL;
        put32(value - 4, (uint32_t)(p - value));
    }
    if (l->framing == DATA_ROW) {
        *start = 'D';
        put32(start + 1, (uint32_t)(p - start - 1));
    }
    return p;
}

/* Move [from, to) out of the way, to be written again with more bytes; return where it is now. */
static uint8_t *make_room(uint8_t *from, uint8_t *to) {
    memmove(from + (to - from) + 2, from, (size_t)(to - from));
    return to + 2;
}

/* CopyAttributeOutText of PostgreSQL's commands/copyto.c */
static uint8_t *escape_text(uint8_t *value, uint8_t *to, const struct layout *l) {
    static const char LETTERS[] = "btnvfr"; /* of the characters 8 to 13 */
    uint8_t *q = value;
    while (q < to && !(*q == '\\' || *q == l->delimiter || (*q >= 8 && *q <= 13))) q++;
    if (q == to) return to;
    int64_t n = to - q;
    uint8_t *from = make_room(q, to);
    uint8_t *write = q;
    /* The copy lies n + 2 bytes further on, so what is written (at most 2 n) never meets what is unread. */
    for (int64_t i = 0; i < n; i++) {
        uint8_t c = from[i];
        if (c >= 8 && c <= 13) {
            *write++ = '\\';
            c = (uint8_t)LETTERS[c - 8];
        } else if (c == '\\' || c == l->delimiter) {
            *write++ = '\\';
        }
        *write++ = c;
    }
    return write;
}

/* CopyAttributeOutCSV of the same file */
static uint8_t *quote_csv(uint8_t *value, uint8_t *to, const struct layout *l, int force) {
    int64_t n = to - value;
    int quoted = force || (n == l->null_length && memcmp(value, l->null_text, (size_t)n) == 0) ||
                 (l->columns == 1 && n == 2 && memcmp(value, "\\.", 2) == 0);
    for (uint8_t *q = value; q < to && !quoted; q++) {
        quoted = *q == l->delimiter || *q == l->quote || *q == '\n' || *q == '\r';
    }
    if (!quoted) return to;
    uint8_t *from = make_room(value, to);
    uint8_t *write = value;
    *write++ = l->quote;
    for (int64_t i = 0; i < n; i++) {
        if (from[i] == l->quote || from[i] == l->escape) *write++ = l->escape;
        *write++ = from[i];
    }
    *write++ = l->quote;
    return write;
}

static inline uint8_t *put_delimited_row(uint8_t *p, const uint8_t *end, const struct source *s, int64_t row,
                                         const struct layout *l) {
    for (int c = 0; c < l->columns; c++) {
        if (end - p < ROOM + l->null_length) return NULL;
        if (c > 0) *p++ = l->delimiter;
        if (is_null(s + c, row)) {
            memcpy(p, l->null_text, (size_t)l->null_length);
            p += l->null_length;
            continue;
        }
        uint8_t *value = p;
        p = put_value(value, end, s + c, row, l, 2);
        if (p == NULL) return NULL;
        p = l->framing == COPY_TEXT ? escape_text(value, p, l) : quote_csv(value, p, l, s[c].force_quote);
    }
    if (end - p < ROOM) return NULL;
    *p++ = '\n';
    return p;
}

/* Write rows from *row* on until they end or the next does not fit; return the first that was not written,
 * -1 when there is no memory. *written* becomes the bytes written. */
int64_t duckshift_encode(const struct ArrowArray *batch, const struct layout *l, int64_t row, uint8_t *out,
                         int64_t capacity, int64_t *written) {
    struct source fixed[64], *sources = fixed;
    int children = (int)batch->n_children;
    if (children > 64) sources = malloc((size_t)children * sizeof *sources);
    if (sources == NULL) return -1;
    for (int c = 0; c < children; c++) bind_source(sources + c, batch, c, c < l->columns ? l->plans + c : NULL);
    for (int c = 0; c < l->columns; c++) {
        const struct plan *plan = l->plans + c;
        if (plan->offsets >= 0) sources[c].offsets = sources + plan->offsets;
        if (plan->zones >= 0) sources[c].zones = sources + plan->zones;
    }
    uint8_t *p = out;
    const uint8_t *end = out + capacity;
    int counted = l->framing == DATA_ROW || l->framing == COPY_BINARY;
    for (; row < batch->length; row++) {
        uint8_t *start = p + (l->message ? 5 : 0);
        uint8_t *next =
            counted ? put_counted_row(start, end, sources, row, l) : put_delimited_row(start, end, sources, row, l);
        if (next == NULL) break;
        if (l->message) {
            *p = l->message;
            put32(p + 1, (uint32_t)(next - p - 1));
        }
        p = next;
    }
    if (sources != fixed) free(sources);
    *written = p - out;
    return row;
}

/* Give the exported batch back to its producer. */
void duckshift_release(struct ArrowArray *batch) {
    if (batch->release != NULL) batch->release(batch);
}
