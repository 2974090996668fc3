/*
 * fence.c: a store whose write failed is fenced: it acknowledges nothing until
 * a new start. Is it healthy, or does a write hang?
 */
#include "lib/engine_bdb/impl.h"

#include "lib/engine_bdb/damage.h"

/* Fenced is what the library says, remembered here and told to waiters. */
void
store_wake(struct store *st)
{
	struct err anew = ERR_INIT, why = ERR_INIT;
	bool first;

	if (bdb_is_astray(st->db) || atomic_load(&st->astray))
		store_bring_back(st);
	first = (bdb_is_fenced(st->db) || atomic_load(&st->astray)) &&
		!atomic_exchange(&st->fencing, true);
	if (first) {
		/* Before: who sees the fence may execute itself at once. */
		if (bdb_is_damaged(st->db) && store_mark_damaged(st, &why) < 0)
			store_say(st, "%s", why.text);
		atomic_store(&st->fenced, true);
		/* Items that wait for another flush, which hangs, wait in vain.
		 */
		err_set(&anew, ERR_AWAY, "the store starts anew");
		commit_give_up(st->commit, &anew);
		store_say(st,
		    "a write to the store failed, or a page is damaged; "
		    "nothing is acknowledged until a new start has "
		    "recovered it");
	}
	pthread_mutex_lock(&st->wait_mutex);
	pthread_cond_broadcast(&st->wait_cond);
	pthread_mutex_unlock(&st->wait_mutex);
}

int64_t
store_stalled_ms(struct store *st, const char **what)
{
	static const char *const words[COMMIT_STEPS] = {
		[COMMIT_WRITING] = "a write to the store hangs",
		[COMMIT_FLUSHING] = "a flush of the store hangs",
	};
	int64_t since_ms = atomic_load(&st->looking_since_ms), look_ms, ms;
	enum commit_step step = COMMIT_WRITING;
	const char *word;

	ms = commit_stalled_ms(st->commit, &step);
	word = words[step];
	look_ms = since_ms == 0 ? 0 : clock_ms() - since_ms;
	if (look_ms > ms) {
		ms = look_ms;
		word = "a look at the disk of the store hangs";
	}
	if (ms <= STORE_STALLED_MS)
		return 0;
	if (what != NULL)
		*what = word;
	return ms;
}

bool
store_healthy(struct store *st, const char **why_not)
{
	if (atomic_load(&st->fenced))
		*why_not = "a write to the store failed";
	else if (store_stalled_ms(st, why_not) > 0)
		return false;
	else if (atomic_load(&st->lost))
		*why_not = st->loss.why;
	else if (atomic_load(&st->below_floor))
		*why_not = "too little space is free";
	else if (store_has_no_room(st))
		*why_not = "a write found no room: make room on the volume, "
			   "or raise the quota, or the limit on file sizes "
			   "(ulimit -f)";
	else
		return true;
	return false;
}
