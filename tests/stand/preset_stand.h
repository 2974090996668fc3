/*
 * preset_stand.h: a receiver with endpoints for every preset, and a provider
 * of each that posts to them; what came of the posts is counted.
 */
#ifndef EYELET_TESTS_PRESET_STAND_H
#define EYELET_TESTS_PRESET_STAND_H

#include "lib/receive/receive.h"
#include "tests/stand/provider.h"

#define PRESETS_MAX 256

enum property {
	UNSIGNED_HEADERS,
	OTHER_ENCODING,
	MOVED_SEPARATORS,
	ALL_TYPES,
	TRUE_RETRY,
	TWO_EVENTS,
	LATER_SELECTED,
	PROPERTIES
};

/* What a preset's requests are known by. */
enum preset_class {
	CLASS_TOKEN,
	CLASS_BODY_UNCOVERED,
	CLASS_NO_ID,
	CLASS_ID_UNSIGNED,
	CLASS_ID_AMBIGUOUS,
	CLASS_ID_SIGNED,
	CLASSES
};

enum outcome {
	ACCEPTED,
	DUPLICATE,
	HELD,
	IGNORED,
	REFUSED,
	OUTCOMES
};

#define ONLY(outcome) (1U << (outcome)) /* sets of outcomes */

struct preset {
	struct provider provider;
	const struct scheme *sc;
	enum preset_class class;
	bool type_unsigned;
	/* Endpoints: of all, of "sel.*", of none at first; of a broken scheme
	 * at first. */
	char all[80], selects[80], later[80], broken[80];
};

extern struct preset presets[PRESETS_MAX];
extern size_t npresets;

/*
 * The schemes, their endpoints and an open receiver. Between the two every
 * scheme reads a member of the body that is not there.
 */
void stand_begin(void);
void stand_mend_schemes(void);
void stand_select_all(void); /* from now on "later" selects all */
void stand_end(void);

/* An occurrence that differs from all before in every value. */
struct told {
	char id[32], other[32], data[64];
	struct occurrence ev;
};

struct occurrence *stand_happens(struct told *t);
int64_t stand_now_ms(void);
unsigned stand_serial(void); /* of the last occurrence */

/* Does the class tell what was captured from what is new? */
bool preset_can_tell(const struct preset *ps);

/* Posts to the endpoint of this name; log gets what the receiver logs. */
#define STAND_LOG RECEIVE_LOG_MAX
enum outcome preset_post(const struct preset *ps, enum property prop,
    const char *name, const struct draft *d, char log[STAND_LOG]);
enum outcome preset_tell(struct preset *ps, enum property prop,
    const char *name, const struct occurrence *ev, char log[STAND_LOG]);

/* Counts a failure, and says what and of whom. */
void preset_complain(const struct preset *ps, enum property prop,
    const char *what, const char *log);
/* The outcome must be one of a set. */
void preset_expect(const struct preset *ps, enum property prop,
    const char *what, enum outcome out, unsigned allowed, const char *log);

unsigned stand_report(void); /* prints the counts; returns the failures */

/* Properties a to d: what was captured and comes back as something else. */
void preset_try_copies(struct preset *ps);

#endif
