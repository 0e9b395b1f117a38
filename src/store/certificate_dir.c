/*
 * Reads what has changed in the directory of certificates, and says what is good of it.  Knows
 * nothing of HAProxy.
 */
#include "store/certificate_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "model/certificate.h"
#include "sys/dirwatch.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/stat_cache.h"

enum {
	SETTLE_MS = 200,   /* a renewal writes several files */
	CONFIRM_MS = 1000, /* what is bad now may be half of one */
	POLL_MS = 5000,	   /* for what is in directories, for what links lead to, and for time */
};

struct file {
	struct stat_cache cache;
	struct certificate_file *parsed; /* NULL: reason */
	char *reason;
	bool is_there;
};

struct certificate_dir {
	struct loop *loop;
	char *path;
	certificate_dir_fn *on_change;
	void *ctx;
	struct dirwatch *watch;
	struct loop_timer *settle, *poll;
	struct strmap *files; /* by their path from here */
	char **links;	      /* of the directory itself */
	struct certificate_entry *entries;
	size_t count, cap;
	bool is_changed; /* a file, since they were judged */
	int64_t next;	 /* in seconds since 1970: when one of them begins or ends */
	uint64_t told;	 /* a hash of what was heard last */
	bool is_doubted;
	struct mf_err err;
};

static void file_free(void *object)
{
	struct file *file = object;

	certificate_file_free(file->parsed);
	free(file->reason);
	free(file);
}

/* --- reading --------------------------------------------------------------------------------- */

/* So is a certificate called; what else is there may be anything. */
static bool is_named_so(const char *name)
{
	static const char *const ends[] = {".pem", ".crt", ".cer", ".key"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (str_has_suffix(name, ends[i]))
			return true;
	return false;
}

static void set_reason(struct file *file, const char *reason)
{
	free(file->reason);
	file->reason = mem_dup_str(reason);
}

static void read_file(struct certificate_dir *dir, const char *name, struct file *file)
{
	mem_auto_free char *path = mem_printf("%s/%s", dir->path, name);
	buf_auto struct buf bytes = BUF_INIT;
	struct stat_cache now;
	struct mf_err err;

	file->is_there = true;
	if (stat_cache_take(path, &now) != 0 || stat_cache_is_current(&file->cache, &now))
		return;
	file->cache = now;
	dir->is_changed = true;
	certificate_file_free(file->parsed);
	file->parsed = NULL;
	set_reason(file, NULL);
	if (file_read(path, CERTIFICATE_FILE_MAX, &bytes, &err) != 0 ||
	    certificate_file_parse(buf_str(&bytes), bytes.len, &file->parsed, &err) != 0)
		set_reason(file, err.msg);
	else if (certificate_file_is_empty(file->parsed) && is_named_so(name))
		set_reason(file, bytes.len == 0 ? "it is empty"
						: "there is neither a certificate nor a key in it");
	memset(bytes.data == NULL ? (char *)&now : bytes.data, 0, bytes.len);
}

static bool is_hidden(const char *name)
{
	return name[0] == '.' || str_has_suffix(name, "~");
}

static void read_dir(struct certificate_dir *dir, const char *sub);

static void read_name(struct certificate_dir *dir, const char *sub, const struct dirent *entry)
{
	mem_auto_free char *name =
	    mem_printf("%s%s%s", sub, sub[0] == '\0' ? "" : "/", entry->d_name);
	mem_auto_free char *path = mem_printf("%s/%s", dir->path, name);
	struct file *file;
	struct stat st;

	if (is_hidden(entry->d_name) || stat(path, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode) && sub[0] == '\0')
		read_dir(dir, entry->d_name);
	if (!S_ISREG(st.st_mode))
		return;
	if (entry->d_type == DT_LNK && sub[0] == '\0')
		strlist_add(&dir->links, entry->d_name);
	file = strmap_find(dir->files, name);
	if (file == NULL && strmap_count(dir->files) >= CERTIFICATE_DIR_FILES_MAX) {
		(void)mf_err_set(&dir->err, MF_EDATA, "more than %d files",
				 CERTIFICATE_DIR_FILES_MAX);
		return;
	}
	if (file == NULL) {
		file = MEM_NEW(file);
		strmap_set(dir->files, name, file);
	}
	read_file(dir, name, file);
}

static void read_dir(struct certificate_dir *dir, const char *sub)
{
	mem_auto_free char *path = mem_printf("%s/%s", dir->path, sub);
	DIR *stream = opendir(path);
	const struct dirent *entry;

	if (stream == NULL) {
		if (sub[0] == '\0')
			(void)mf_err_set_sys(&dir->err, errno == EACCES ? MF_EPERM : MF_ENOINPUT,
					     "cannot be read");
		return;
	}
	while ((entry = readdir(stream)) != NULL)
		read_name(dir, sub, entry);
	(void)closedir(stream);
}

static void forget_gone(struct certificate_dir *dir)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(dir->files, &cursor, &name, &value)) {
		if (((struct file *)value)->is_there)
			continue;
		strmap_del(dir->files, name);
		dir->is_changed = true;
	}
}

/* --- what is good ---------------------------------------------------------------------------- */

static void clear_entries(struct certificate_dir *dir)
{
	for (size_t i = 0; i < dir->count; i++) {
		free(dir->entries[i].name);
		free(dir->entries[i].reason);
		certificate_free(dir->entries[i].certificate);
	}
	dir->count = 0;
}

/* It goes over HAProxy's command line, and is a file's name again. */
static char *make_name(const char *name, struct mf_err *err)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._*-/";
	char *made;

	if (strlen(name) > CERTIFICATE_NAME_MAX || name[strspn(name, allowed)] != '\0') {
		(void)mf_err_set(err, MF_EDATA,
				 "its name may have up to %d letters, digits, and . _ * -",
				 CERTIFICATE_NAME_MAX);
		return NULL;
	}
	made = mem_printf("%s%s", name, str_has_suffix(name, ".pem") ? "" : ".pem");
	if (strchr(made, '/') != NULL)
		*strchr(made, '/') = '+';
	return made;
}

static struct certificate_entry *add_entry(struct certificate_dir *dir, char *name,
					   struct certificate *certificate, const char *reason)
{
	MEM_GROW(dir->entries, dir->count, dir->cap);
	dir->entries[dir->count] =
	    (struct certificate_entry){name, certificate, mem_dup_str(reason)};
	return &dir->entries[dir->count++];
}

static size_t dir_len(const char *name)
{
	const char *slash = strpbrk(name, "/+");

	return slash == NULL ? 0 : (size_t)(slash - name);
}

/* The same certificate in another file of that directory, as certbot's cert.pem and fullchain.pem.
 */
static struct certificate_entry *find_same(const struct certificate_dir *dir, const char *name,
					   const struct certificate *certificate)
{
	size_t len = dir_len(name);

	for (size_t i = 0; i < dir->count; i++) {
		struct certificate_entry *entry = &dir->entries[i];

		if (entry->certificate != NULL &&
		    strcmp(entry->certificate->fingerprint, certificate->fingerprint) == 0 &&
		    dir_len(entry->name) == len && strncmp(entry->name, name, len) == 0)
			return entry;
	}
	return NULL;
}

static void add_good(struct certificate_dir *dir, char *name, struct certificate *certificate)
{
	struct certificate_entry *same = find_same(dir, name, certificate);

	if (same == NULL) {
		(void)add_entry(dir, name, certificate, "");
	} else if (same->certificate->chain < certificate->chain) {
		free(same->name);
		certificate_free(same->certificate);
		same->name = name;
		same->certificate = certificate;
	} else {
		free(name);
		certificate_free(certificate);
	}
}

static void check_time(struct certificate_dir *dir, const struct certificate *certificate,
		       struct mf_err *err)
{
	int64_t now = (int64_t)time(NULL),
		next = now < certificate->starts ? certificate->starts : certificate->ends;

	if (certificate_check_time(certificate, now, err) == 0 || now < certificate->starts)
		dir->next = next < dir->next ? next : dir->next;
}

static void judge_file(struct certificate_dir *dir, const char *path, const struct file *file,
		       struct certificate_keys *keys)
{
	struct certificate *certificate = NULL;
	struct mf_err err = {.code = 0};
	char *name;

	if (file->parsed != NULL && !certificate_file_has_certificate(file->parsed) &&
	    file->reason == NULL)
		return;
	if (file->reason == NULL && certificate_make(file->parsed, keys, &certificate, &err) == 0 &&
	    certificate == NULL)
		return;
	if (certificate != NULL)
		check_time(dir, certificate, &err);
	name = make_name(path, &err);
	if (certificate == NULL || err.code != 0) {
		certificate_free(certificate);
		(void)add_entry(dir, name == NULL ? mem_dup_str(path) : name, NULL,
				file->reason != NULL ? file->reason : err.msg);
	} else {
		add_good(dir, name, certificate);
	}
}

/* The keys of the directory that a file is in. */
static struct certificate_keys *keys_of(struct strmap *all, const char *path)
{
	struct certificate_keys *keys = strmap_find_bytes(all, path, dir_len(path));

	if (keys == NULL) {
		mem_auto_free char *name = mem_dup_bytes(path, dir_len(path));

		keys = certificate_keys_new();
		strmap_set(all, name, keys);
	}
	return keys;
}

static void free_keys(void *keys)
{
	certificate_keys_free(keys);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct certificate_entry *)a)->name,
		      ((const struct certificate_entry *)b)->name);
}

static void judge(struct certificate_dir *dir)
{
	struct strmap *keys = strmap_new(free_keys);
	void *cursor = NULL, *value;
	const char *path;

	clear_entries(dir);
	dir->is_changed = false;
	dir->next = INT64_MAX;
	while (strmap_next(dir->files, &cursor, &path, &value))
		if (((struct file *)value)->parsed != NULL)
			certificate_keys_add(keys_of(keys, path), ((struct file *)value)->parsed);
	cursor = NULL;
	while (strmap_next(dir->files, &cursor, &path, &value))
		judge_file(dir, path, value, keys_of(keys, path));
	strmap_free(keys);
	if (dir->count > 1)
		qsort(dir->entries, dir->count, sizeof(*dir->entries), compare);
}

static void scan(struct certificate_dir *dir)
{
	void *cursor = NULL, *value;
	const char *name;

	dir->err.code = 0;
	strlist_free(dir->links);
	dir->links = NULL;
	while (strmap_next(dir->files, &cursor, &name, &value))
		((struct file *)value)->is_there = false;
	read_dir(dir, "");
	if (dir->err.code != 0)
		return;
	forget_gone(dir);
	if (dir->is_changed || (int64_t)time(NULL) >= dir->next)
		judge(dir);
	if (dir->count == 0)
		(void)mf_err_set(&dir->err, MF_ENOINPUT, "there is no certificate in it");
}

/* --- following ------------------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return str_hash(hash, text, strlen(text) + 1);
}

static uint64_t hash_of(const struct certificate_dir *dir, bool *ret_is_bad)
{
	uint64_t hash = hash_text(STR_HASH_INIT, dir->err.code == 0 ? "" : dir->err.msg);

	*ret_is_bad = dir->err.code != 0;
	for (size_t i = 0; i < dir->count; i++) {
		const struct certificate_entry *entry = &dir->entries[i];

		hash = hash_text(hash_text(hash, entry->name), entry->reason);
		if (entry->certificate != NULL)
			hash = hash_text(hash, entry->certificate->pem);
		*ret_is_bad |= entry->certificate == NULL;
	}
	return hash;
}

/* What is bad is seen twice before it is told: a renewal may be half-way. */
static void look(void *ctx)
{
	struct certificate_dir *dir = ctx;
	bool is_bad;
	uint64_t hash;

	loop_timer_set(dir->poll, POLL_MS);
	scan(dir);
	dirwatch_follow_links(dir->watch, dir->links);
	hash = hash_of(dir, &is_bad);
	if (hash == dir->told) {
		dir->is_doubted = false;
		return;
	}
	if (is_bad && !dir->is_doubted) {
		dir->is_doubted = true;
		loop_timer_set(dir->settle, CONFIRM_MS);
		return;
	}
	dir->is_doubted = false;
	dir->told = hash;
	dir->on_change(dir->ctx);
}

static void on_event(void *ctx, bool replaced)
{
	struct certificate_dir *dir = ctx;

	(void)replaced;
	if (!loop_timer_is_set(dir->settle))
		loop_timer_set(dir->settle, SETTLE_MS);
}

struct certificate_dir *certificate_dir_new(struct loop *loop, const char *path,
					    certificate_dir_fn *on_change, void *ctx)
{
	struct certificate_dir *dir = MEM_NEW(dir);
	struct mf_err err;
	bool is_bad;

	dir->loop = loop;
	dir->path = mem_dup_str(path);
	dir->on_change = on_change;
	dir->ctx = ctx;
	dir->files = strmap_new(file_free);
	dir->next = INT64_MAX;
	if (loop != NULL) {
		dir->settle = loop_timer_new(loop, look, dir);
		dir->poll = loop_timer_new(loop, look, dir);
		loop_timer_set(dir->poll, POLL_MS);
		if (dirwatch_start(loop, path, on_event, dir, &dir->watch, &err) != 0)
			log_warn("certificates are looked for every few seconds only",
				 LOG_STR("directory", path), LOG_STR("error", err.msg));
	}
	scan(dir);
	if (dir->watch != NULL)
		dirwatch_follow_links(dir->watch, dir->links);
	dir->told = hash_of(dir, &is_bad);
	return dir;
}

void certificate_dir_free(struct certificate_dir *dir)
{
	if (dir == NULL)
		return;
	dirwatch_stop(dir->watch);
	loop_timer_free(dir->settle);
	loop_timer_free(dir->poll);
	clear_entries(dir);
	free(dir->entries);
	strmap_free(dir->files);
	strlist_free(dir->links);
	free(dir->path);
	free(dir);
}

int certificate_dir_list(const struct certificate_dir *dir, const struct certificate_entry **ret,
			 size_t *ret_count, struct mf_err *err)
{
	*ret = dir->entries;
	*ret_count = 0;
	if (dir->err.code != 0)
		return mf_err_set(err, dir->err.code, "%s: %s", dir->path, dir->err.msg);
	*ret_count = dir->count;
	return 0;
}
