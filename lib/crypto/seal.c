/* seal.c: AES-256-GCM under a key file. */
#include "lib/crypto/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/guard.h"
#include "lib/crypto/digest.h"

#define SEAL_VERSION 1
#define NONCE 12
#define TAG 16
#define HEAD (1 + 4 + NONCE)
#define FILE_WORD "eyelet-key 1 "
#define FILE_BYTES (sizeof(FILE_WORD) - 1 + 2 * SEAL_KEY_BYTES + 1)

/* Alone in a page that is locked, and left out of core files. */
struct seal_key {
	struct one_key {
		unsigned char bytes[SEAL_KEY_BYTES];
		uint32_t id;
	} keys[SEAL_KEYS_MAX];
	_Atomic size_t n, used;
};

static const struct one_key *
key_in_use(const struct seal_key *key)
{
	return &key->keys[atomic_load(&key->used)];
}

/* NULL: it is not one of ours. */
static const struct one_key *
key_of_id(const struct seal_key *key, uint32_t id)
{
	size_t i, n = atomic_load(&key->n);

	for (i = 0; i < n; i++)
		if (key->keys[i].id == id)
			return &key->keys[i];
	return NULL;
}

static struct seal_key *
key_new(struct err *err)
{
	void *p = mmap(NULL, sizeof(struct seal_key), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		err_limit(err, errno, "map memory for the key");
		return NULL;
	}
	/* Both may fail under tight limits; then the key is merely swappable.
	 */
	(void)mlock(p, sizeof(struct seal_key));
	(void)madvise(p, sizeof(struct seal_key), MADV_DONTDUMP);
	return p;
}

void
seal_key_free(struct seal_key *key)
{
	if (key == NULL)
		return;
	bytes_wipe(key, sizeof(*key));
	munmap(key, sizeof(*key));
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int
err_not_plain(const char *path, struct err *err)
{
	return err_set(err, ERR_DENIED,
	    "key file %s is not a plain file: put the key file back there from "
	    "its backup",
	    path);
}

/* It must be this user's. */
static int
refuse_owner(const char *path, const char *words, uid_t uid, struct err *err)
{
	char why[128], mend[64];

	snprintf(
	    why, sizeof(why), "key file @ %s uid %u", words, (unsigned)uid);
	snprintf(mend, sizeof(mend), "chown %u @", (unsigned)geteuid());
	return guard_refuse(path, why, mend, err);
}

/* Why the file could not be opened, and what mends that. */
static int
err_open(const char *path, int errnum, struct err *err)
{
	switch (errnum) {
	case ENOENT:
		return err_set(err, ERR_NOTFOUND,
		    "key file %s is missing: without it no secret of "
		    "the store can be read; restore it, or make a new "
		    "store with \"eyelet-store init\"",
		    path);
	case ELOOP:
		return guard_refuse(path,
		    "key file @ is a symbolic link, which is not followed",
		    "mv \"$(readlink -f @)\" @", err);
	case EACCES:
		return refuse_owner(path, "may not be read by", geteuid(), err);
	case ENXIO: /* a socket */
		return err_not_plain(path, err);
	default:
		return err_errno(err, errnum, "key file %s", path);
	}
}

/* Who may own and read a key file; the message holds the mending command. */
static int
check_file(const char *path, int fd, struct err *err)
{
	struct stat sb;

	if (fstat(fd, &sb) < 0)
		return err_errno(err, errno, "key file %s", path);
	if (!S_ISREG(sb.st_mode))
		return err_not_plain(path, err);
	if (sb.st_uid != geteuid() && sb.st_uid != 0)
		return refuse_owner(path, "belongs to", sb.st_uid, err);
	if ((sb.st_mode & 077) != 0 &&
	    !(sb.st_uid == 0 && (sb.st_mode & 037) == 0))
		return guard_refuse(path, "key file @ is open to others",
		    sb.st_uid == geteuid() ? "chmod 600 @" : "chmod 640 @",
		    err);
	return 0;
}

int
seal_key_read(const char *path, struct seal_key **out, struct err *err)
{
	char text[FILE_BYTES + 1];
	unsigned char sum[DIGEST_SHA256];
	struct seal_key *key = NULL;
	struct span part;
	ssize_t n;
	size_t i, used = sizeof(FILE_WORD) - 1;
	int fd = -1, hi, lo, ret = -1;

	/* O_NONBLOCK: a FIFO at this path must not hold us for ever. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		err_open(path, errno, err);
		goto out;
	}
	if (check_file(path, fd, err) < 0)
		goto out;
	n = read(fd, text, sizeof(text));
	if (n < 0) {
		err_errno(err, errno, "read key file %s", path);
		goto out;
	}
	if ((size_t)n != FILE_BYTES || text[n - 1] != '\n' ||
	    memcmp(text, FILE_WORD, used) != 0)
		goto bad;
	key = key_new(err);
	if (key == NULL)
		goto out;
	for (i = 0; i < SEAL_KEY_BYTES; i++) {
		hi = hex_value(text[used + 2 * i]);
		lo = hex_value(text[used + 2 * i + 1]);
		if (hi < 0 || lo < 0)
			goto bad;
		key->keys[0].bytes[i] = (unsigned char)(hi << 4 | lo);
	}
	part = span_of(key->keys[0].bytes, SEAL_KEY_BYTES);
	if (digest_sha256(&part, 1, sum, err) < 0)
		goto out;
	key->keys[0].id = (uint32_t)be32_get(sum);
	atomic_store(&key->n, 1);
	*out = key;
	key = NULL;
	ret = 0;
	goto out;
bad:
	err_set(err, ERR_INPUT,
	    "key file %s is no eyelet key (one line \"%s\" and %d hex digits): "
	    "put it back from its backup",
	    path, FILE_WORD, 2 * SEAL_KEY_BYTES);
out:
	bytes_wipe(text, sizeof(text));
	seal_key_free(key);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* The folder of path is flushed too, or the new name may not last. */
static int
sync_folder_of(const char *path, struct err *err)
{
	char folder[4096];
	char *slash;
	int fd, ret = 0;

	if (strlen(path) >= sizeof(folder))
		return err_set(err, ERR_USAGE, "path too long: %s", path);
	strcpy(folder, path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		strcpy(folder, ".");
	else
		slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		ret = err_errno(err, errno, "flush folder %s", folder);
	if (fd >= 0)
		close(fd);
	return ret;
}

int
seal_key_create(const char *path, struct err *err)
{
	unsigned char key[SEAL_KEY_BYTES];
	char text[FILE_BYTES + 1];
	size_t i, used = sizeof(FILE_WORD) - 1;
	int fd = -1, ret = -1;

	if (digest_random(key, sizeof(key), err) < 0)
		goto out;
	memcpy(text, FILE_WORD, used);
	for (i = 0; i < sizeof(key); i++)
		snprintf(text + used + 2 * i, 4, "%02x", key[i]);
	text[FILE_BYTES - 1] = '\n';
	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		if (errno == EEXIST)
			err_set(err, ERR_EXISTS,
			    "key file %s exists already; it is never replaced",
			    path);
		else
			err_errno(err, errno, "make key file %s", path);
		goto out;
	}
	errno = ENOSPC; /* what a short write means, which sets no errno */
	if (write(fd, text, FILE_BYTES) != (ssize_t)FILE_BYTES ||
	    fsync(fd) < 0) {
		err_errno(err, errno, "write key file %s", path);
		goto out;
	}
	ret = sync_folder_of(path, err);
out:
	if (ret < 0 && fd >= 0)
		unlink(path); /* ours: made above by O_EXCL */
	bytes_wipe(key, sizeof(key));
	bytes_wipe(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return ret;
}

uint32_t
seal_key_id(const struct seal_key *key)
{
	return key_in_use(key)->id;
}

int
seal_key_add(struct seal_key *key, const struct seal_key *more, struct err *err)
{
	size_t n = atomic_load(&key->n);

	if (key_of_id(key, seal_key_id(more)) != NULL)
		return 0;
	if (n == SEAL_KEYS_MAX)
		return err_set(err, ERR_LIMIT,
		    "the key was changed %d times since the owner started",
		    SEAL_KEYS_MAX - 1);
	key->keys[n] = *key_in_use(more);
	atomic_store(&key->n, n + 1);
	return 0;
}

void
seal_key_use(struct seal_key *key, uint32_t id)
{
	const struct one_key *one = key_of_id(key, id);

	assert(one != NULL);
	atomic_store(&key->used, (size_t)(one - key->keys));
}

int
seal(const struct seal_key *key, struct span aad, struct span plain,
    struct buf *out, struct err *err)
{
	const struct one_key *one = key_in_use(key);
	EVP_CIPHER_CTX *ctx = NULL;
	unsigned char *p;
	int n = 0, ret = -1;

	if (plain.len > 1 << 20 || aad.len > 1 << 20)
		return err_set(err, ERR_LIMIT, "too long to be sealed");
	if (buf_reserve(out, SEAL_OVERHEAD + plain.len, &p, err) < 0)
		return -1;
	p[0] = SEAL_VERSION;
	be32_put(p + 1, one->id);
	if (digest_random(p + 5, NONCE, err) < 0)
		goto out;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL ||
	    EVP_EncryptInit_ex(
		ctx, EVP_aes_256_gcm(), NULL, one->bytes, p + 5) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, p, 5) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1 ||
	    EVP_EncryptUpdate(ctx, p + HEAD, &n, plain.ptr, (int)plain.len) !=
		1 ||
	    EVP_EncryptFinal_ex(ctx, p + HEAD + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		ctx, EVP_CTRL_GCM_GET_TAG, TAG, p + HEAD + plain.len) != 1) {
		err_set(err, ERR_CRYPTO, "AES-256-GCM failed");
		goto out;
	}
	out->len += SEAL_OVERHEAD + plain.len;
	ret = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

int
unseal(const struct seal_key *key, struct span aad, struct span sealed,
    struct buf *out, struct err *err)
{
	EVP_CIPHER_CTX *ctx = NULL;
	unsigned char tag[TAG], *at;
	const unsigned char *p = sealed.ptr;
	const struct one_key *one;
	size_t len;
	int n = 0, ret = -1;

	if (sealed.len < SEAL_OVERHEAD || sealed.len > 2 << 20 ||
	    p[0] != SEAL_VERSION)
		return err_set(err, ERR_CORRUPT, "not a sealed value");
	one = key_of_id(key, (uint32_t)be32_get(p + 1));
	if (one == NULL)
		return err_set(err, ERR_CORRUPT,
		    "sealed with key %08lx, the key file holds key %08lx",
		    be32_get(p + 1), (unsigned long)seal_key_id(key));
	len = sealed.len - SEAL_OVERHEAD;
	if (buf_reserve(out, len, &at, err) < 0)
		return -1;
	memcpy(tag, p + HEAD + len, TAG);
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL ||
	    EVP_DecryptInit_ex(
		ctx, EVP_aes_256_gcm(), NULL, one->bytes, p + 5) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, p, 5) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1 ||
	    EVP_DecryptUpdate(ctx, at, &n, p + HEAD, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) != 1) {
		err_set(err, ERR_CRYPTO, "AES-256-GCM failed");
		goto out;
	}
	if (EVP_DecryptFinal_ex(ctx, at + n, &n) != 1) {
		err_set(err, ERR_CORRUPT,
		    "a sealed value was altered or belongs elsewhere");
		goto out;
	}
	out->len += len;
	ret = 0;
out:
	if (ret < 0)
		bytes_wipe(at, len);
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

int
seal_fingerprint(const struct seal_key *key, struct span plain,
    unsigned char out[16], struct err *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (plain.len > 1 << 20 ||
	    HMAC(EVP_sha256(), key_in_use(key)->bytes, SEAL_KEY_BYTES,
		plain.ptr, plain.len, sum, &len) == NULL)
		return err_set(err, ERR_CRYPTO, "HMAC failed");
	memcpy(out, sum, 16);
	bytes_wipe(sum, sizeof(sum));
	return 0;
}
