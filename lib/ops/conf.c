/* conf.c: the settings of the owner, taken anew and shown. */
#include "lib/ops/store.h"

void
ops_on_reload(
    struct ops *ops, int (*reload)(void *arg, struct err *err), void *arg)
{
	ops->reload = reload;
	ops->reload_arg = arg;
}

/* --- taken anew ----------------------------------------------------------- */

struct reloading {
	const struct op_call *call;
	const struct conf *conf; /* in force now */
	struct scheme_set *schemes;
	struct json_write w;
};

static int
write_changed(void *arg, const struct conf_value *v, struct err *err)
{
	struct reloading *rl = arg;

	(void)err;
	if (!conf_differs(rl->call->conf, rl->conf, v->name))
		return 0;
	json_write_object(&rl->w, NULL);
	json_write_str(&rl->w, "setting", v->name);
	json_write_bytes(&rl->w, "value", span_str(v->text));
	json_write_bytes(&rl->w, "from", span_str(v->from));
	json_write_close(&rl->w);
	return 0;
}

static int
write_waiting(void *arg, const struct conf_value *v, struct err *err)
{
	struct reloading *rl = arg;

	(void)err;
	if (v->waits == NULL)
		return 0;
	json_write_object(&rl->w, NULL);
	json_write_str(&rl->w, "setting", v->name);
	json_write_bytes(&rl->w, "value", span_str(v->text));
	json_write_bytes(&rl->w, "file_value", span_str(v->waits));
	json_write_close(&rl->w);
	return 0;
}

/* The names in a that b has not, or, with other, has otherwise. */
static void
write_names(struct json_write *w, const char *name, const struct scheme_set *a,
    const struct scheme_set *b, bool other)
{
	const struct scheme *sc, *found;
	size_t i;

	json_write_array(w, name);
	for (i = 0; i < scheme_set_count(a); i++) {
		sc = scheme_set_at(a, i);
		found = scheme_set_find(b, scheme_name(sc));
		if (other ? found != NULL &&
				!span_eq(scheme_text(sc), scheme_text(found))
			  : found == NULL)
			json_write_str(w, NULL, scheme_name(sc));
	}
	json_write_close(w);
}

static int
change_reload(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct reloading *rl = arg;
	const struct scheme_set *before = rl->call->schemes;

	json_write_init(&rl->w, result, err);
	json_write_object(&rl->w, NULL);
	json_write_str(&rl->w, "file", rl->conf->file);
	json_write_array(&rl->w, "taken");
	if (conf_visit(rl->conf, write_changed, rl, err) < 0)
		return -1;
	json_write_close(&rl->w);
	json_write_array(&rl->w, "restart");
	if (conf_visit(rl->conf, write_waiting, rl, err) < 0)
		return -1;
	json_write_close(&rl->w);
	json_write_object(&rl->w, "schemes");
	write_names(&rl->w, "added", rl->schemes, before, false);
	write_names(&rl->w, "changed", rl->schemes, before, true);
	write_names(&rl->w, "gone", before, rl->schemes, false);
	json_write_close(&rl->w);
	json_write_close(&rl->w);
	if (json_write_done(&rl->w) < 0)
		return -1;
	return store_tx_audit(
	    tx, rl->call->name, "store", buf_span(result), err);
}

int
op_store_reload(const struct op_call *call, struct err *err)
{
	struct reloading rl = { .call = call };
	int ret;

	if (call->ops->reload == NULL)
		return err_set(err, ERR_USAGE, "this owner takes no reload");
	if (call->ops->reload(call->ops->reload_arg, err) < 0)
		return err_wrap(err, "nothing was changed");
	rl.conf = conf_live_get(call->ops->settings);
	rl.schemes = registry_hold_schemes(call->ops->registry);
	ret = op_change(call, change_reload, &rl, err);
	if (ret < 0)
		err_wrap(err, "the settings are in force; its record");
	scheme_set_free(rl.schemes);
	conf_live_put(rl.conf);
	return ret;
}

/* --- shown ---------------------------------------------------------------- */

static int
emit_setting(void *arg, const struct conf_value *v, struct err *err)
{
	const struct op_call *call = arg;
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct json_write w;
	int ret;

	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "setting", v->name);
	json_write_bytes(&w, "value", span_str(v->text));
	json_write_bytes(&w, "from", span_str(v->from));
	json_write_str(
	    &w, "takes", v->when == CONF_LIVE ? "reload" : "restart");
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
	buf_free(&row);
	return ret;
}

int
op_store_config(const struct op_call *call, struct err *err)
{
	struct op_call self = *call;

	return conf_visit(call->conf, emit_setting, &self, err);
}
