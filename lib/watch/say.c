/* say.c: what begins and ends a notice of those who watch. */
#include <string.h>

#include "lib/watch/impl.h"

struct watch_word *
watch_word(struct watch *wt, const char *type, const char *kind, uint64_t id)
{
	struct watch_word *word;

	if (wt->nwords == WATCH_WORDS_MAX)
		return NULL;
	word = &wt->words[wt->nwords++];
	memset(word, 0, sizeof(*word));
	word->type = type;
	word->data.max = NOTICE_DATA_MAX;
	word->kind = kind;
	word->id = id;
	return word;
}

void
watch_data(struct watch_word *word, struct json_write *w, struct err *err)
{
	json_write_init(w, &word->data, err);
	json_write_object(w, NULL);
}

int
watch_data_end(struct json_write *w)
{
	json_write_close(w);
	return json_write_done(w);
}
