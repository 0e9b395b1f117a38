/*
 * Directory watch.  The path is walked as the kernel walks it, symbolic links included, and every
 * directory on the way is watched for the next component, so that a change anywhere on it is
 * reported.  After such a change all watches are made anew on a fresh inotify descriptor, so that
 * there is no old state to mend.  Mounts, which inotify does not report, come from mountinfo. Knows
 * no files.
 */
#include "sys/dirwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "sys/loop.h"

enum {
	DIRWATCH_MAX_LINKS = 40, /* symbolic ones on one path, as in the kernel */
	DIRWATCH_RETRY_MS = 1000,
	DIRWATCH_MAX_READS = 64, /* before the loop has its turn again */
};

/* IN_MODIFY is left out: it shows half a file, and IN_CLOSE_WRITE follows. */
static const uint32_t dir_mask = IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MOVED_FROM |
				 IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
static const uint32_t chain_mask =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
static const uint32_t self_mask = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

/* One step of the walk: a watched directory, and the name in it that leads on. */
struct step {
	int wd;
	char *name; /* NULL: it is the directory itself */
};

/* What the path led to. */
struct place {
	bool is_there;
	dev_t dev;
	ino_t ino;
};

struct chain {
	struct step *steps;
	size_t count, cap;
	uint32_t mask; /* of the steps before the last */
	struct place place;
};

struct dirwatch {
	struct loop *loop;
	char *path; /* absolute */
	struct loop_source *events;
	struct loop_source *mounts; /* NULL where /proc is not mounted */
	struct loop_timer *retry;
	struct chain chain;
	char **links;	 /* names in the directory; NULL: none */
	bool is_polling; /* the kernel has no watch for us: we look by ourselves meanwhile */
	dirwatch_fn *on_change;
	void *ctx;
};

/* What a batch of events amounts to. */
struct news {
	bool is_changed;      /* something in the directory */
	bool is_path_touched; /* something on the way to it */
	bool is_gone;	      /* the directory itself: even if its number comes back */
};

/* --- walking --------------------------------------------------------------------------------- */

static void chain_fini(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		free(chain->steps[i].name);
	free(chain->steps);
	*chain = (struct chain){0};
}

/*
 * False: not watched, with errno.  We may pass through directories that we may not read: then a
 * change in them stays unheard, and the rest of the chain must do.
 */
static bool watch_step(struct chain *chain, int fd, const char *dir, const char *name)
{
	uint32_t mask = (name == NULL ? dir_mask : chain->mask) | IN_ONLYDIR | IN_MASK_ADD;
	int wd = inotify_add_watch(fd, dir[0] == '\0' ? "/" : dir, mask);

	if (wd < 0)
		return false;
	MEM_GROW(chain->steps, chain->count, chain->cap);
	chain->steps[chain->count++] = (struct step){wd, mem_dup_str(name)};
	return true;
}

static bool is_out_of_watches(void)
{
	return errno == ENOSPC || errno == ENOMEM;
}

static int out_of_watches(const char *path, struct mf_err *err)
{
	return mf_err_set_sys(err, MF_EFAIL, "%s: inotify (fs.inotify.max_user_watches)", path);
}

/* Put the link's target before what is left of the path. */
static bool follow_link(const char *link, struct buf *dir, struct buf *rest)
{
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target));
	mem_auto_free char *tail = NULL;

	if (n <= 0 || n == (ssize_t)sizeof(target))
		return false;
	tail = buf_take(rest);
	buf_add(rest, target, (size_t)n);
	buf_add_char(rest, '/');
	buf_add_str(rest, tail);
	if (target[0] == '/')
		buf_clear(dir);
	return true;
}

/* Take the first component off rest; NULL at the end. */
static char *take_component(struct buf *rest)
{
	size_t skip = strspn(buf_str(rest), "/");
	size_t len = strcspn(buf_str(rest) + skip, "/");
	char *name;

	if (len == 0)
		return NULL;
	name = mem_dup_bytes(rest->data + skip, len);
	buf_drop_front(rest, skip + len);
	return name;
}

static void go_up(struct buf *dir)
{
	char *slash = dir->data == NULL ? NULL : strrchr(dir->data, '/');

	if (slash != NULL) {
		*slash = '\0';
		dir->len = (size_t)(slash - dir->data);
	}
}

/* dir holds no links, and is "" for the root.  1: one component on; 0: the path ends here. */
static int walk_component(struct chain *chain, int fd, struct buf *dir, struct buf *rest,
			  const char *name, int *links)
{
	buf_auto struct buf next = BUF_INIT;
	struct stat st;

	if (strcmp(name, ".") == 0)
		return 1;
	if (strcmp(name, "..") == 0) {
		go_up(dir);
		return 1;
	}
	/* Watched before it is read, so that no change falls in between. */
	if (!watch_step(chain, fd, buf_str(dir), name) && is_out_of_watches())
		return -1;
	buf_printf(&next, "%s/%s", buf_str(dir), name);
	if (lstat(next.data, &st) != 0)
		return 0;
	if (S_ISLNK(st.st_mode))
		return ++*links <= DIRWATCH_MAX_LINKS && follow_link(next.data, dir, rest);
	if (!S_ISDIR(st.st_mode))
		return 0;
	buf_clear(dir);
	buf_add(dir, next.data, next.len);
	return 1;
}

/* As walk_component.  ret_dir: where the path led to. */
static int walk_path(struct chain *chain, int fd, const char *path, struct buf *ret_dir)
{
	buf_auto struct buf rest = BUF_INIT;
	int links = 0, rc = 1;

	buf_add_str(&rest, path);
	while (rc == 1) {
		mem_auto_free char *name = take_component(&rest);

		if (name == NULL)
			break;
		rc = walk_component(chain, fd, ret_dir, &rest, name, &links);
	}
	return rc;
}

static int walk(struct chain *chain, int fd, const char *path, struct mf_err *err)
{
	buf_auto struct buf dir = BUF_INIT;
	struct stat st;
	int rc;

	chain->mask = chain_mask;
	rc = walk_path(chain, fd, path, &dir);
	if (rc < 0)
		return out_of_watches(path, err);
	if (rc == 0)
		return 0;
	if (!watch_step(chain, fd, buf_str(&dir), NULL))
		return is_out_of_watches() ? out_of_watches(path, err) : 0;
	if (stat(path, &st) == 0)
		chain->place = (struct place){true, st.st_dev, st.st_ino};
	return 0;
}

static int walk_links(struct chain *chain, int fd, const struct dirwatch *watch, struct mf_err *err)
{
	chain->mask = chain_mask | IN_CLOSE_WRITE;
	for (size_t i = 0; i < strlist_count(watch->links); i++) {
		mem_auto_free char *path = mem_printf("%s/%s", watch->path, watch->links[i]);
		buf_auto struct buf dir = BUF_INIT;

		if (walk_path(chain, fd, path, &dir) < 0)
			return out_of_watches(path, err);
	}
	return 0;
}

/* --- events ---------------------------------------------------------------------------------- */

static void judge_event(const struct dirwatch *watch, const struct inotify_event *event,
			struct news *news)
{
	if (event->mask & IN_Q_OVERFLOW) {
		news->is_changed = true;
		news->is_path_touched = true;
	}
	for (size_t i = 0; i < watch->chain.count; i++) {
		const struct step *step = &watch->chain.steps[i];

		if (step->wd != event->wd)
			continue;
		if (event->mask & self_mask) {
			news->is_path_touched = true;
			news->is_gone |= step->name == NULL;
		} else if (step->name == NULL) {
			news->is_changed = true;
		} else if (event->len > 0 && strcmp(step->name, event->name) == 0) {
			/* What a link leads to was written, or it leads elsewhere now. */
			if (event->mask & IN_CLOSE_WRITE)
				news->is_changed = true;
			else
				news->is_path_touched = true;
		}
	}
}

static void read_events(const struct dirwatch *watch, int fd, struct news *news)
{
	_Alignas(struct inotify_event) char bytes[16 * 1024];

	for (int i = 0; i < DIRWATCH_MAX_READS; i++) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n <= 0)
			return;
		for (size_t at = 0; at < (size_t)n;) {
			const struct inotify_event *event = (const void *)(bytes + at);

			judge_event(watch, event, news);
			at += sizeof(*event) + event->len;
		}
	}
}

static void on_events(void *ctx, int fd, unsigned events);

/* Watch the path as it leads now; on failure everything is as before. */
static int rebuild(struct dirwatch *watch, struct mf_err *err)
{
	struct chain chain = {0};
	int rc, fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return mf_err_set_sys(err, MF_EFAIL, "%s: inotify (fs.inotify.max_user_instances)",
				      watch->path);
	rc = walk(&chain, fd, watch->path, err);
	if (rc == 0)
		rc = walk_links(&chain, fd, watch, err);
	if (rc != 0) {
		chain_fini(&chain);
		(void)close(fd);
		return rc;
	}
	chain_fini(&watch->chain);
	watch->chain = chain;
	loop_del_fd(watch->events);
	watch->events = loop_add_fd(watch->loop, fd, LOOP_READ, on_events, watch);
	return 0;
}

static bool is_same_place(const struct place *a, const struct place *b)
{
	return a->is_there == b->is_there && a->dev == b->dev && a->ino == b->ino;
}

static struct place find_place(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return (struct place){true, st.st_dev, st.st_ino};
	return (struct place){0};
}

/* False: it is tried again later; until then whoever listens has to look by himself. */
static bool try_rebuild(struct dirwatch *watch)
{
	struct mf_err err = {0};
	bool was_polling = watch->is_polling;

	watch->is_polling = rebuild(watch, &err) != 0;
	if (watch->is_polling && !was_polling)
		log_warn("directory not watched: it is read again and again",
			 LOG_STR("path", watch->path), LOG_STR("error", err.msg),
			 LOG_INT("interval_ms", DIRWATCH_RETRY_MS));
	else if (was_polling && !watch->is_polling)
		log_info("directory watched", LOG_STR("path", watch->path));
	if (watch->is_polling) {
		watch->chain.place = find_place(watch->path);
		loop_timer_set(watch->retry, DIRWATCH_RETRY_MS);
	}
	return !watch->is_polling;
}

/* Something on the path: find the directory again, and report it.  watch may be freed in it. */
static void find_again(struct dirwatch *watch, bool is_gone)
{
	struct place before = watch->chain.place;

	(void)try_rebuild(watch);
	if (before.is_there || watch->chain.place.is_there)
		watch->on_change(watch->ctx,
				 is_gone || !is_same_place(&before, &watch->chain.place));
}

static void on_events(void *ctx, int fd, unsigned events)
{
	struct dirwatch *watch = ctx;
	struct news news = {0};

	(void)events;
	read_events(watch, fd, &news);
	if (news.is_path_touched)
		find_again(watch, news.is_gone);
	else if (news.is_changed)
		watch->on_change(watch->ctx, false);
}

static void on_retry(void *ctx)
{
	find_again(ctx, false);
}

static void on_mounts(void *ctx, int fd, unsigned events)
{
	struct dirwatch *watch = ctx;
	struct place now = find_place(watch->path);

	(void)fd;
	(void)events;
	if (!is_same_place(&now, &watch->chain.place))
		find_again(watch, true);
}

/* --- the contract ---------------------------------------------------------------------------- */

static char *absolute_path(const char *path)
{
	mem_auto_free char *cwd = NULL;

	if (path[0] == '/')
		return mem_dup_str(path);
	cwd = getcwd(NULL, 0);
	return cwd == NULL ? NULL : mem_printf("%s/%s", cwd, path);
}

int dirwatch_start(struct loop *loop, const char *path, dirwatch_fn *on_change, void *ctx,
		   struct dirwatch **ret_watch, struct mf_err *err)
{
	struct dirwatch *watch;
	char *absolute = absolute_path(path);
	int fd;

	if (absolute == NULL)
		return mf_err_set_sys(err, MF_EFAIL, "%s: the current directory", path);
	watch = MEM_NEW(watch);
	watch->loop = loop;
	watch->path = absolute;
	watch->on_change = on_change;
	watch->ctx = ctx;
	watch->retry = loop_timer_new(loop, on_retry, watch);
	(void)try_rebuild(watch);
	/* It is always readable; a change is POLLERR, which every wait reports (proc(5)). */
	fd = open("/proc/self/mountinfo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		watch->mounts = loop_add_fd(loop, fd, LOOP_WRITE, on_mounts, watch);
	*ret_watch = watch;
	return 0;
}

void dirwatch_follow_links(struct dirwatch *watch, char *const *names)
{
	if (strlist_is_equal(names, watch->links))
		return;
	strlist_free(watch->links);
	watch->links = strlist_dup(names);
	(void)try_rebuild(watch);
}

void dirwatch_stop(struct dirwatch *watch)
{
	if (watch == NULL)
		return;
	loop_del_fd(watch->events);
	loop_del_fd(watch->mounts);
	loop_timer_free(watch->retry);
	chain_fini(&watch->chain);
	strlist_free(watch->links);
	free(watch->path);
	free(watch);
}
