/*
 * What sealing promises: a value opens only unaltered, in its place and with
 * its key; a key file that others may have read or put there is refused with
 * what mends it, and none is ever replaced.
 *
 * Started by root, the tests run as NOBODY, so that modes and owners count.
 */
#include "lib/crypto/seal.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/util.h"

#define NOBODY 65534
#define STRANGER 54321
#define BYTES(literal) (literal), sizeof(literal) - 1

/* The bytes 0 to 31; another key has its last bit changed. */
#define HEX_ALL_BUT_1 \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"
#define KEY_TEXT "eyelet-key 1 " HEX_ALL_BUT_1 "f\n"
#define OTHER_TEXT "eyelet-key 1 " HEX_ALL_BUT_1 "e\n"

#define PLAIN "whsec_MfKQ9r8G"
#define PLACE "nomos/sec_1"

static char folder[] = "/tmp/eyelet-test-seal.XXXXXX";

/* Once, around all tests: a folder to be in. */
static void
enter_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	if (getuid() == 0)
		ck_assert_int_eq(chown(folder, NOBODY, (gid_t)-1), 0);
}

static void
remove_folder(void)
{
	char command[sizeof(folder) + 16];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
}

static void
become(uid_t uid)
{
	if (getuid() != 0)
		return;
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(seteuid(uid), 0);
}

static void
become_nobody(void)
{
	become(NOBODY);
}

/* LeakSanitizer, at the end, traces only what is one user's and dumpable. */
static void
become_self(void)
{
	become(getuid());
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void
put_file(const char *path, const char *text, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static struct seal_key *
key_of(const char *text)
{
	struct seal_key *key = NULL;
	struct err err = ERR_INIT;

	put_file("key", text, strlen(text), 0600);
	ck_assert_msg(seal_key_read("key", &key, &err) == 0, "%s", err.text);
	return key;
}

/* --- key files --- */

/* Refused with code; the message names the file, says, and shows no digit. */
static void
ck_key_refused(
    const char *path, enum err_code code, const char *says, const char *when)
{
	struct seal_key *untouched = (struct seal_key *)(void *)folder;
	struct seal_key *key = untouched;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    seal_key_read(path, &key, &err) == -1, "%s: was taken", when);
	ck_assert_msg(err.code == code, "%s: %d: %s", when, err.code, err.text);
	ck_assert_msg(key == untouched, "%s: output touched", when);
	ck_assert_msg(strstr(err.text, path) != NULL, "%s: %s", when, err.text);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s: %s", when, err.text);
	ck_assert_msg(
	    strstr(err.text, "08090a0b") == NULL, "%s: %s", when, err.text);
}

/* The message ends in ": COMMAND"; after that command the key opens. */
static void
ck_command_mends(const char *path, const char *when)
{
	struct seal_key *key = NULL;
	struct err err = ERR_INIT;
	const char *command = err.text, *next;

	ck_assert_int_eq(seal_key_read(path, &key, &err), -1);
	while ((next = strstr(command, ": ")) != NULL)
		command = next + 2;
	ck_assert_msg(system(command) == 0, "%s: %s", when, command);
	ck_assert_msg(seal_key_read(path, &key, &err) == 0, "%s: %s: %s", when,
	    command, err.text);
	seal_key_free(key);
}

static const struct {
	const char *when, *text;
	size_t len;
} no_keys[] = {
	{ "empty", BYTES("") },
	{ "another version", BYTES("eyelet-key 2 " HEX_ALL_BUT_1 "f\n") },
	{ "another word", BYTES("dnslet-key 1 " HEX_ALL_BUT_1 "f\n") },
	{ "a digit short", BYTES("eyelet-key 1 " HEX_ALL_BUT_1 "\n") },
	{ "a digit long", BYTES("eyelet-key 1 " HEX_ALL_BUT_1 "ff\n") },
	{ "no line end", BYTES("eyelet-key 1 " HEX_ALL_BUT_1 "ff") },
	{ "CR LF", BYTES("eyelet-key 1 " HEX_ALL_BUT_1 "f\r\n") },
	{ "a second line", BYTES(KEY_TEXT "\n") },
	{ "no hex digit", BYTES("eyelet-key 1 " HEX_ALL_BUT_1 "g\n") },
	{ "a capital digit", BYTES("eyelet-key 1 " HEX_ALL_BUT_1 "F\n") },
	{ "a NUL", BYTES("eyelet-key 1 " HEX_ALL_BUT_1 "\0\n") },
};

START_TEST(no_key_is_refused)
{
	put_file("no-key", no_keys[_i].text, no_keys[_i].len, 0600);
	ck_key_refused(
	    "no-key", ERR_INPUT, "from its backup", no_keys[_i].when);
}
END_TEST

START_TEST(cut_key_is_refused)
{
	size_t len;

	for (len = 0; len < sizeof(KEY_TEXT) - 1; len++) {
		put_file("cut", KEY_TEXT, len, 0600);
		ck_key_refused("cut", ERR_INPUT, "from its backup", "cut");
	}
}
END_TEST

static const struct {
	mode_t mode;
	int want;
} modes[] = {
	{ 0600, 0 },
	{ 0400, 0 },
	{ 0700, 0 },
	{ 0640, -1 },
	{ 0620, -1 },
	{ 0610, -1 },
	{ 0604, -1 },
	{ 0602, -1 },
	{ 0601, -1 },
	{ 0644, -1 },
	{ 0666, -1 },
};

START_TEST(key_open_to_others_is_refused)
{
	struct seal_key *key = NULL;
	struct err err = ERR_INIT;
	char when[16];

	snprintf(when, sizeof(when), "mode %04o", (unsigned)modes[_i].mode);
	put_file("moded", KEY_TEXT, strlen(KEY_TEXT), modes[_i].mode);
	if (modes[_i].want == 0) {
		ck_assert_msg(seal_key_read("moded", &key, &err) == 0, "%s: %s",
		    when, err.text);
		ck_assert_uint_eq(seal_key_id(key), 0x630dcd29);
		seal_key_free(key);
		return;
	}
	ck_key_refused("moded", ERR_DENIED, "chmod 600 moded", when);
	ck_command_mends("moded", when);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	put_file("target", KEY_TEXT, strlen(KEY_TEXT), 0600);
	ck_assert_int_eq(symlink("target", "link"), 0);
	ck_key_refused("link", ERR_DENIED, "symbolic link", "link");
	ck_command_mends("link", "link");

	ck_assert_int_eq(mkdir("folder", 0700), 0);
	ck_key_refused("folder", ERR_DENIED, "not a plain file", "folder");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0); /* must not wait for it */
	ck_key_refused("fifo", ERR_DENIED, "not a plain file", "FIFO");
	ck_assert_int_eq(mknod("socket", S_IFSOCK | 0600, 0), 0);
	ck_key_refused("socket", ERR_DENIED, "not a plain file", "socket");

	ck_key_refused(
	    "missing", ERR_NOTFOUND, "\"eyelet-store init\"", "missing");
	put_file("file", "", 0, 0600);
	ck_key_refused("file/key", ERR_IO, "Not a directory", "no folder");
}
END_TEST

/* Who owns the file, with which mode; who reads. Group 0 is ours as well. */
static const struct {
	const char *when;
	uid_t owner, reader;
	mode_t mode;
	const char *says; /* NULL: opens; else the end of the refusal */
} owners[] = {
	{ "root's, for our group", 0, NOBODY, 0640, NULL },
	{ "root's, group may write", 0, NOBODY, 0660, ": chmod 640 owned" },
	{ "root's, group may run it", 0, NOBODY, 0650, ": chmod 640 owned" },
	{ "root's, for all", 0, NOBODY, 0644, ": chmod 640 owned" },
	{ "root's, for root", 0, NOBODY, 0600, ": chown 65534 owned" },
	{ "root's, read by root", 0, 0, 0600, NULL },
	{ "root's, open, read by root", 0, 0, 0604, ": chmod 600 owned" },
	{ "a stranger's, for him", STRANGER, NOBODY, 0600,
	    ": chown 65534 owned" },
	{ "a stranger's, for our group", STRANGER, NOBODY, 0640,
	    "belongs to uid 54321: chown 65534 owned" },
	{ "a stranger's, read by root", STRANGER, 0, 0600,
	    "belongs to uid 54321: chown 0 owned" },
};

START_TEST(key_of_another_is_refused)
{
	const char *says = owners[_i].says;
	struct seal_key *key = NULL;
	struct err err = ERR_INIT;

	become(0);
	put_file("owned", KEY_TEXT, strlen(KEY_TEXT), 0600);
	ck_assert_int_eq(chown("owned", owners[_i].owner, 0), 0);
	ck_assert_int_eq(chmod("owned", owners[_i].mode), 0);
	become(owners[_i].reader);
	if (says == NULL) {
		ck_assert_msg(seal_key_read("owned", &key, &err) == 0, "%s: %s",
		    owners[_i].when, err.text);
		seal_key_free(key);
	} else {
		ck_key_refused("owned", ERR_DENIED, says, owners[_i].when);
	}
	become(0);
	ck_assert_int_eq(unlink("owned"), 0);
}
END_TEST

START_TEST(created_key_is_ours_alone)
{
	struct seal_key *keys[2] = { NULL, NULL };
	struct err err = ERR_INIT;
	struct stat sb;
	mode_t mask = umask(0);

	ck_assert_msg(seal_key_create("new", &err) == 0, "%s", err.text);
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	ck_assert_int_eq(seal_key_create("sub/new", &err), 0);
	umask(mask);
	ck_assert_int_eq(stat("new", &sb), 0);
	ck_assert_uint_eq(sb.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(sb.st_size, sizeof(KEY_TEXT) - 1);
	ck_assert_int_eq(seal_key_read("new", &keys[0], &err), 0);
	ck_assert_int_eq(seal_key_read("sub/new", &keys[1], &err), 0);
	ck_assert_uint_ne(seal_key_id(keys[0]), seal_key_id(keys[1]));
	seal_key_free(keys[0]);
	seal_key_free(keys[1]);
}
END_TEST

START_TEST(key_is_never_replaced)
{
	struct seal_key *key;
	struct err err = ERR_INIT;
	struct stat sb;

	key = key_of(KEY_TEXT);
	seal_key_free(key);
	ck_assert_int_eq(seal_key_create("key", &err), -1);
	ck_assert_int_eq(err.code, ERR_EXISTS);
	ck_assert_int_eq(seal_key_read("key", &key, &err), 0);
	ck_assert_uint_eq(seal_key_id(key), 0x630dcd29);
	seal_key_free(key);

	ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
	ck_assert_int_eq(seal_key_create("dangling", &err), -1);
	ck_assert_int_eq(err.code, ERR_EXISTS);
	ck_assert_int_eq(stat("nowhere", &sb), -1);

	ck_assert_int_eq(seal_key_create("no-folder/key", &err), -1);
	ck_assert_int_eq(err.code, ERR_NOTFOUND);
}
END_TEST

/* What is left after a failure would be in the way of the next try. */
START_TEST(failed_create_leaves_no_file)
{
	struct rlimit was, small;
	struct err err = ERR_INIT;
	struct stat sb;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	for (small.rlim_cur = 0; small.rlim_cur < sizeof(KEY_TEXT) - 1;
	     small.rlim_cur += 11) {
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
		ck_assert_int_eq(seal_key_create("full", &err), -1);
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
		ck_assert_msg(err.code == ERR_FULL, "%s", err.text);
		ck_assert_int_eq(stat("full", &sb), -1);
	}
	ck_assert_int_eq(seal_key_create("full", &err), 0);

	/* A folder that cannot be opened cannot be flushed. */
	ck_assert_int_eq(mkdir("blind", 0300), 0);
	ck_assert_int_eq(seal_key_create("blind/key", &err), -1);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_int_eq(stat("blind/key", &sb), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* The kernel's flags of the page: "dd", do not include in a core dump. */
START_TEST(key_stays_out_of_core_files)
{
	struct seal_key *key = key_of(KEY_TEXT);
	unsigned long from, to, at = (unsigned long)(uintptr_t)key;
	bool ours = false, found = false;
	char line[512];
	FILE *f = fopen("/proc/self/smaps", "r");

	ck_assert_ptr_nonnull(f);
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			ours = at >= from && at < to;
		else if (ours && strncmp(line, "VmFlags:", 8) == 0)
			found = true;
	}
	fclose(f);
	ck_assert_msg(found && strstr(line, " dd") != NULL, "%s", line);
	seal_key_free(key);
	seal_key_free(NULL);
}
END_TEST

/* --- sealed values --- */

/* By crypto.createCipheriv("aes-256-gcm") of node; the head is in the AAD. */
static const unsigned char sealed_elsewhere[] = {
	0x01, /* version */
	0x63, 0x0d, 0xcd, 0x29, /* sha256sum of the key, cut */
	0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88,
	0xfd, 0xcb, 0xd3, 0x43, 0xc9, 0x25, 0x02, 0x7d, 0x0d, 0x5a, 0x64, 0xaf,
	0x43, 0x5a, /* 14 bytes */
	0x4b, 0x7c, 0x6b, 0x6d, 0x66, 0x6f, 0x8f, 0xd6, 0xf9, 0xf0, 0x82, 0x6c,
	0x7f, 0x13, 0x8a, 0x13, /* tag */
};
static const unsigned char nothing_sealed_elsewhere[] = { 0x01, 0x63, 0x0d,
	0xcd, 0x29, 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca,
	0xf8, 0x88, 0xb7, 0x9f, 0x48, 0x16, 0xf8, 0xee, 0x45, 0x19, 0xf5, 0x15,
	0xe8, 0x31, 0xe1, 0x32, 0xaf, 0xab };

/* Refused, nothing put, and nothing of the plain bytes behind it. */
static void
ck_shut(const struct seal_key *key, struct span place, struct span sealed,
    const char *when)
{
	struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;

	ck_assert_int_eq(buf_puts(&out, "kept", &err), 0);
	ck_assert_msg(
	    unseal(key, place, sealed, &out, &err) == -1, "%s: opened", when);
	ck_assert_msg(
	    err.code == ERR_CORRUPT, "%s: %d %s", when, err.code, err.text);
	ck_assert_msg(span_is(buf_span(&out), "kept"), "%s: output", when);
	ck_assert_msg(memcmp(out.ptr + 4, PLAIN, 4) != 0,
	    "%s: plain bytes left behind", when);
	buf_free(&out);
}

START_TEST(opens_what_was_sealed_elsewhere)
{
	struct seal_key *key = key_of(KEY_TEXT);
	struct buf out = BUF_INIT(sizeof(PLAIN) - 1);
	struct err err = ERR_INIT;

	ck_assert_uint_eq(seal_key_id(key), 0x630dcd29);
	ck_assert_msg(unseal(key, span_str(PLACE),
			  span_of(sealed_elsewhere, sizeof(sealed_elsewhere)),
			  &out, &err) == 0,
	    "%s", err.text);
	ck_assert(span_is(buf_span(&out), PLAIN));
	ck_assert_msg(unseal(key, span_str(PLACE),
			  span_of(nothing_sealed_elsewhere,
			      sizeof(nothing_sealed_elsewhere)),
			  &out, &err) == 0,
	    "%s", err.text);
	ck_assert(span_is(buf_span(&out), PLAIN));
	buf_free(&out);
	seal_key_free(key);
}
END_TEST

static const struct {
	const char *when;
	size_t plain_len, place_len;
} lengths[] = {
	{ "nothing nowhere", 0, 0 },
	{ "nothing", 0, 11 },
	{ "nowhere", 14, 0 },
	{ "a byte", 1, 1 },
	{ "a block", 16, 16 },
	{ "a block and one", 17, 17 },
	{ "the most", 1 << 20, 1 << 20 },
};

START_TEST(any_bytes_come_back)
{
	static unsigned char plain[1 << 20], place[1 << 20];
	size_t i, len = lengths[_i].plain_len;
	struct span in = span_of(plain, len);
	struct span at = span_of(place, lengths[_i].place_len);
	struct seal_key *key = key_of(KEY_TEXT);
	struct buf sealed = BUF_INIT(4 + SEAL_OVERHEAD + len);
	struct buf out = BUF_INIT(4 + len); /* not one byte to spare */
	struct err err = ERR_INIT;
	const char *when = lengths[_i].when;

	for (i = 0; i < sizeof(plain); i++)
		plain[i] = place[i] = (unsigned char)i;
	ck_assert_int_eq(buf_puts(&sealed, "kept", &err), 0);
	ck_assert_int_eq(buf_puts(&out, "kept", &err), 0);
	ck_assert_msg(
	    seal(key, at, in, &sealed, &err) == 0, "%s: %s", when, err.text);
	ck_assert_uint_eq(sealed.len, 4 + SEAL_OVERHEAD + len);
	ck_assert_msg(
	    unseal(key, at, span_skip(buf_span(&sealed), 4), &out, &err) == 0,
	    "%s: %s", when, err.text);
	ck_assert_msg(span_eq(span_skip(buf_span(&out), 4), in), "%s", when);
	ck_assert(span_starts(buf_span(&out), "kept"));
	ck_assert(span_starts(buf_span(&sealed), "kept"));
	buf_free(&sealed);
	buf_free(&out);
	seal_key_free(key);
}
END_TEST

START_TEST(limits_are_kept)
{
	static const unsigned char much[(1 << 20) + 1];
	struct span most = span_of(much, sizeof(much));
	struct seal_key *key = key_of(KEY_TEXT);
	struct buf tight = BUF_INIT(SEAL_OVERHEAD + 3), small = BUF_INIT(3);
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    seal(key, SPAN_EMPTY, span_str("four"), &tight, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_uint_eq(tight.len, 0);
	ck_assert_int_eq(
	    unseal(key, span_str(PLACE),
		span_of(sealed_elsewhere, sizeof(sealed_elsewhere)), &small,
		&err),
	    -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_uint_eq(small.len, 0);
	tight.max = 4 << 20;
	ck_assert_int_eq(seal(key, SPAN_EMPTY, most, &tight, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_int_eq(seal(key, most, SPAN_EMPTY, &tight, &err), -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_uint_eq(tight.len, 0);
	buf_free(&tight);
	buf_free(&small);
	seal_key_free(key);
}
END_TEST

START_TEST(equal_values_are_sealed_differently)
{
	struct seal_key *key = key_of(KEY_TEXT);
	struct buf a = BUF_INIT(256), b = BUF_INIT(256);
	struct err err = ERR_INIT;
	size_t i;

	ck_assert_int_eq(
	    seal(key, span_str(PLACE), span_str(PLAIN), &a, &err), 0);
	ck_assert_mem_ne(a.ptr + 17, PLAIN, sizeof(PLAIN) - 1);
	for (i = 0; i < 100; i++) {
		buf_clear(&b);
		ck_assert_int_eq(
		    seal(key, span_str(PLACE), span_str(PLAIN), &b, &err), 0);
		/* behind the head: nonce, bytes and tag */
		ck_assert_mem_eq(a.ptr, b.ptr, 5);
		ck_assert_mem_ne(a.ptr + 5, b.ptr + 5, 12);
		ck_assert_mem_ne(a.ptr + 17, b.ptr + 17, sizeof(PLAIN) - 1);
	}
	buf_free(&a);
	buf_free(&b);
	seal_key_free(key);
}
END_TEST

static const struct {
	const char *when, *place;
	size_t len;
} elsewhere[] = {
	{ "another secret", BYTES("nomos/sec_2") },
	{ "another owner", BYTES("nimos/sec_1") },
	{ "cut", BYTES("nomos/sec_") },
	{ "longer", BYTES("nomos/sec_1 ") },
	{ "a NUL behind", BYTES("nomos/sec_1\0") },
	{ "the slash moved", BYTES("nomo/ssec_1") },
	{ "nowhere", BYTES("") },
};

START_TEST(opens_in_its_place_only)
{
	struct seal_key *key = key_of(KEY_TEXT);

	ck_shut(key, span_of(elsewhere[_i].place, elsewhere[_i].len),
	    span_of(sealed_elsewhere, sizeof(sealed_elsewhere)),
	    elsewhere[_i].when);
	seal_key_free(key);
}
END_TEST

START_TEST(altered_value_stays_shut)
{
	unsigned char bad[sizeof(sealed_elsewhere) + 1];
	size_t i, len = sizeof(sealed_elsewhere);
	struct seal_key *key = key_of(KEY_TEXT);
	char when[32];

	for (i = 0; i < 8 * len; i++) {
		snprintf(
		    when, sizeof(when), "bit %zu of byte %zu", i % 8, i / 8);
		memcpy(bad, sealed_elsewhere, len);
		bad[i / 8] = (unsigned char)(bad[i / 8] ^ 1U << i % 8);
		ck_shut(key, span_str(PLACE), span_of(bad, len), when);
	}
	for (i = 0; i < len; i++) {
		snprintf(when, sizeof(when), "first %zu bytes", i);
		ck_shut(
		    key, span_str(PLACE), span_of(sealed_elsewhere, i), when);
		snprintf(when, sizeof(when), "without %zu bytes", i + 1);
		ck_shut(key, span_str(PLACE),
		    span_skip(span_of(sealed_elsewhere, len), i + 1), when);
	}
	memcpy(bad, sealed_elsewhere, len);
	bad[len] = 0;
	ck_shut(key, span_str(PLACE), span_of(bad, len + 1), "a byte more");
	ck_shut(key, span_str(PLACE), SPAN_EMPTY, "absent");
	seal_key_free(key);
}
END_TEST

START_TEST(other_key_opens_nothing)
{
	struct seal_key *key = key_of(OTHER_TEXT);
	unsigned char bad[sizeof(sealed_elsewhere)];
	struct buf out = BUF_INIT(64);
	struct err err = ERR_INIT;

	memcpy(bad, sealed_elsewhere, sizeof(bad));
	ck_shut(key, span_str(PLACE), span_of(bad, sizeof(bad)), "other key");
	/* The message tells which key to look for: sha256sum of each. */
	ck_assert_int_eq(
	    unseal(key, span_str(PLACE), span_of(bad, sizeof(bad)), &out, &err),
	    -1);
	ck_assert_ptr_nonnull(strstr(err.text, "630dcd29"));
	ck_assert_ptr_nonnull(strstr(err.text, "bede29f9"));
	/* And a record that claims to be of this key. */
	be32_put(bad + 1, seal_key_id(key));
	ck_shut(key, span_str(PLACE), span_of(bad, sizeof(bad)), "claimed");
	buf_free(&out);
	seal_key_free(key);
}
END_TEST

/* By openssl dgst -sha256 -mac HMAC -macopt hexkey:0001..., cut to 16 bytes. */
static const struct {
	const char *key, *plain;
	unsigned char want[16];
} fingerprints[] = {
	{ KEY_TEXT, PLAIN,
	    { 0xff, 0xce, 0xf2, 0xbd, 0xba, 0x80, 0x17, 0xe6, 0x8d, 0x26, 0xa0,
		0xfd, 0x43, 0x4e, 0xe5, 0x41 } },
	{ KEY_TEXT, "",
	    { 0xd3, 0x8b, 0x42, 0x09, 0x6d, 0x80, 0xf4, 0x5f, 0x82, 0x6b, 0x44,
		0xa9, 0xd5, 0x60, 0x7d, 0xe7 } },
	{ OTHER_TEXT, PLAIN,
	    { 0x55, 0xc0, 0x88, 0xe5, 0xb6, 0x1e, 0xc7, 0x37, 0xb3, 0xdf, 0xec,
		0x11, 0x26, 0x4c, 0xf9, 0x33 } },
};

START_TEST(fingerprint_is_keyed)
{
	struct seal_key *key = key_of(fingerprints[_i].key);
	unsigned char got[17] = { 0 };
	struct err err = ERR_INIT;

	got[16] = 'x';
	ck_assert_int_eq(
	    seal_fingerprint(key, span_str(fingerprints[_i].plain), got, &err),
	    0);
	ck_assert_mem_eq(got, fingerprints[_i].want, 16);
	ck_assert_int_eq(got[16], 'x');
	seal_key_free(key);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("seal");
	TCase *tc = tcase_create("seal");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_unchecked_fixture(tc, enter_folder, remove_folder);
	tcase_add_checked_fixture(tc, become_nobody, become_self);
	tcase_add_loop_test(tc, no_key_is_refused, 0, NITEMS(no_keys));
	tcase_add_test(tc, cut_key_is_refused);
	tcase_add_loop_test(
	    tc, key_open_to_others_is_refused, 0, NITEMS(modes));
	tcase_add_test(tc, what_is_no_file_is_refused);
	if (getuid() == 0) /* only root can give files away */
		tcase_add_loop_test(
		    tc, key_of_another_is_refused, 0, NITEMS(owners));
	tcase_add_test(tc, created_key_is_ours_alone);
	tcase_add_test(tc, key_is_never_replaced);
	tcase_add_test(tc, failed_create_leaves_no_file);
	tcase_add_test(tc, key_stays_out_of_core_files);
	tcase_add_test(tc, opens_what_was_sealed_elsewhere);
	tcase_add_loop_test(tc, any_bytes_come_back, 0, NITEMS(lengths));
	tcase_add_test(tc, limits_are_kept);
	tcase_add_test(tc, equal_values_are_sealed_differently);
	tcase_add_loop_test(tc, opens_in_its_place_only, 0, NITEMS(elsewhere));
	tcase_add_test(tc, altered_value_stays_shut);
	tcase_add_test(tc, other_key_opens_nothing);
	tcase_add_loop_test(tc, fingerprint_is_keyed, 0, NITEMS(fingerprints));
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
