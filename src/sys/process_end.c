/* A child that outlives us: the end of a pipe says that we are gone.  Knows nothing of what the
 * group is. */
#include "sys/process_end.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sys/reap.h"

enum { STOP_MS = 10000, POLL_MS = 50 };

static bool has_group(pid_t group)
{
	return kill(-group, 0) == 0;
}

static void end_group(pid_t group)
{
	(void)kill(-group, SIGTERM);
	(void)kill(-group, SIGCONT);
	for (int waited = 0; waited < STOP_MS && has_group(group); waited += POLL_MS)
		(void)poll(NULL, 0, POLL_MS);
	(void)kill(-group, SIGKILL);
}

/* In the child: async-signal-safe calls alone.  Nothing that others wait for the end of stays open
 * here, and no signal to our group is for it. */
static _Noreturn void watch(int fd)
{
	pid_t group;
	char byte;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_NAME, "mayfly-end");
	(void)dup2(fd, STDIN_FILENO);
	(void)close_range(STDIN_FILENO + 1, ~0U, 0);
	if (read(STDIN_FILENO, &group, sizeof(group)) == (ssize_t)sizeof(group) &&
	    read(STDIN_FILENO, &byte, 1) == 0)
		end_group(group);
	_exit(0);
}

void process_end_start(struct process_end *end)
{
	sigset_t all, before;
	int ends[2];

	*end = (struct process_end){.pid = 0};
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	end->pid = fork();
	if (end->pid == 0)
		watch(ends[0]);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)close(ends[0]);
	if (end->pid > 0) {
		reap_claim(end->pid);
		end->fd = ends[1];
		return;
	}
	end->pid = 0;
	(void)close(ends[1]);
}

void process_end_tell(const struct process_end *end)
{
	pid_t group = getpid();

	if (end->pid > 0)
		(void)!write(end->fd, &group, sizeof(group));
}

void process_end_stop(struct process_end *end)
{
	if (end->pid == 0)
		return;
	(void)kill(end->pid, SIGKILL);
	(void)close(end->fd);
	(void)reap_wait(end->pid);
	end->pid = 0;
}
