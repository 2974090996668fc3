/*
 * text.h: text that people and programs read and write: inert output,
 * strict numbers, durations, sizes, and RFC 3339 times. Locale-free.
 */
#ifndef EYELET_LIB_BASE_TEXT_H
#define EYELET_LIB_BASE_TEXT_H

#include <stdint.h>

#include "lib/base/bytes.h"

/*
 * Puts s so that no terminal or log can be driven by it: control bytes
 * (C0, DEL, C1), bidirectional and zero-width controls and bytes that are not
 * UTF-8 become \xHH (each byte of them); backslash becomes \\. Everything a
 * person sees of foreign bytes passes through here (P11). On failure b is as
 * it was, here and below.
 */
int text_put_safe(struct buf *b, struct span s, struct err *err);

/*
 * The same for a screen, where text may come that was made inert before:
 * backslashes stay, so that nothing is escaped twice.
 */
int text_put_shown(struct buf *b, struct span s, struct err *err);

/*
 * JSON text so that it is as inert and still the same JSON: what is active in
 * its strings becomes \uHHHH. Its blanks stay, but for CR, which goes.
 * ERR_INPUT when s is not UTF-8.
 */
int text_put_json_text(struct buf *b, struct span s, struct err *err);

/*
 * text_put_safe for a value in a key=value log line: also quoted ("...") when
 * it is empty or holds a blank, a quote or an equals sign; cut after max bytes
 * of input with "..." behind.
 */
int text_put_value(struct buf *b, struct span s, size_t max, struct err *err);

/*
 * Puts s as a JSON string with its quotes (RFC 8259); what text_put_safe
 * escapes is written \uHHHH, so that it is as inert and still the same string.
 * ERR_INPUT when s is not UTF-8.
 */
int text_put_json(struct buf *b, struct span s, struct err *err);

/* Is s well-formed UTF-8 (RFC 3629: no overlong, surrogate or > U+10FFFF)? */
bool text_is_utf8(struct span s);

/* Digits only (no sign, blank or base), at most max. ERR_INPUT otherwise. */
int text_to_u64(struct span s, uint64_t max, uint64_t *out, struct err *err);

#define TEXT_DURATION_MAX_S (36525LL * 86400) /* 100 years */
#define TEXT_BYTES_MAX (1ULL << 60)

/* "90", "90s", "5m", "2h", "3d", "1w" to seconds. ERR_INPUT. */
int text_to_duration_s(struct span s, int64_t *out, struct err *err);

/* "4096", "64k", "1m", "10g", "2t" (1024s) to bytes. ERR_INPUT. */
int text_to_bytes(struct span s, uint64_t *out, struct err *err);

/*
 * An RFC 3339 time with any offset and 0 to 9 fraction digits to milliseconds
 * since 1970 (digits after the third are cut). Leap seconds (":60") count as
 * ":59". ERR_INPUT when s is no such time.
 */
int text_to_time_ms(struct span s, int64_t *out, struct err *err);

#define TEXT_TIME_MAX 48

/*
 * "2026-01-15T10:30:00.000Z" (UTC, milliseconds); out has TEXT_TIME_MAX. A time
 * outside the years 0000 to 9999 has no such form: "-62167219200001 ms".
 */
void text_time(char *out, int64_t ms);

/* "3d 4h", "12m", "45s": the two largest units; out has TEXT_TIME_MAX. */
void text_duration(char *out, int64_t seconds);

/* "512 B", "1.3 KiB", "10.0 GiB": cut, not rounded; out has TEXT_TIME_MAX. */
void text_size(char *out, uint64_t bytes);

#endif
