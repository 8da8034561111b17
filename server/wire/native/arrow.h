/* The Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html), copied as the
 * specification asks, and the layout that Python hands over. */
#ifndef DUCKSHIFT_ARROW_H
#define DUCKSHIFT_ARROW_H
#include <stdint.h>

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

/* How a column's values are written. encode_native.py holds the same list. */
enum kind {
    ALWAYS_NULL, BOOL_TEXT, INT16_TEXT, INT32_TEXT, INT64_TEXT, UINT32_TEXT, DECIMAL_TEXT, FLOAT4_TEXT, FLOAT8_TEXT,
    BYTES, LARGE_BYTES, BYTES_HEX, LARGE_BYTES_HEX, DATE_TEXT, TIME_TEXT, TIMESTAMP_TEXT, TIMESTAMPTZ_TEXT,
    INTERVAL_TEXT, YEAR_MONTH_TEXT, DAY_SECOND_TEXT,
    BOOL_BINARY, BITS16, BITS32, BITS64, DECIMAL_BINARY, DECIMAL_RAW8, DECIMAL_RAW16, DATE_BINARY, TIMESTAMP_BINARY,
    INTERVAL_BINARY, YEAR_MONTH_BINARY, DAY_SECOND_BINARY, PADDED_BYTES, LARGE_PADDED_BYTES,
    SHORT_DECIMAL_TEXT, SHORT_DECIMAL_BINARY
};

enum framing { DATA_ROW, COPY_TEXT, COPY_CSV, COPY_BINARY };
enum date_style { ISO, SQL, POSTGRES, GERMAN };
enum interval_style { PLAIN, VERBOSE, STANDARD };

struct plan {
    int32_t kind;
    int32_t scale;       /* of a decimal */
    int32_t offsets;     /* child with the zone's offsets in microseconds (int64), -1: shift is constant */
    int32_t zones;       /* child with the zone's abbreviations (string), -1: none, the offset is shown */
    int64_t shift_us;
    int32_t force_quote; /* CSV */
    int32_t width;       /* of a decimal: its bytes in the buffer; of padded text: the characters to fill up to */
};

struct layout {
    int32_t framing;
    int32_t columns;
    int32_t date_style;
    int32_t day_first;
    int32_t interval_style;
    int32_t float8_digits;
    int32_t float4_digits;
    int32_t null_length;
    const char *null_text;
    const struct plan *plans;
    uint8_t delimiter;
    uint8_t quote;
    uint8_t escape;
    uint8_t message;     /* letter of the message that each row goes in, 0 for none */
    uint8_t unused[4];
};
#endif
