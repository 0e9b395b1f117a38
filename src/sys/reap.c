/* The claims on our children.  Knows no loop: who hears of SIGCHLD calls reap_orphans. */
#include "sys/reap.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/mem.h"

static struct {
	pid_t *pids;
	size_t count, cap;
	bool has_more; /* orphans may stand behind one that is claimed */
} claims;

void reap_claim(pid_t pid)
{
	MEM_GROW(claims.pids, claims.count, claims.cap);
	claims.pids[claims.count++] = pid;
}

static bool is_claimed(pid_t pid)
{
	for (size_t i = 0; i < claims.count; i++)
		if (claims.pids[i] == pid)
			return true;
	return false;
}

static void give_up(pid_t pid)
{
	for (size_t i = 0; i < claims.count; i++)
		if (claims.pids[i] == pid) {
			claims.pids[i] = claims.pids[--claims.count];
			break;
		}
	if (claims.count == 0) {
		free(claims.pids);
		claims.pids = NULL;
		claims.cap = 0;
	}
}

int reap_wait(pid_t pid)
{
	siginfo_t info = {0};
	int status = 1;

	for (;;) {
		if (waitid(P_PID, (id_t)pid, &info, WEXITED) == 0) {
			status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
			break;
		}
		if (errno != EINTR)
			break;
	}
	give_up(pid);
	if (claims.has_more)
		reap_orphans();
	return status;
}

void reap_orphans(void)
{
	claims.has_more = false;
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		if (is_claimed(info.si_pid)) {
			claims.has_more = true;
			return;
		}
		(void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
	}
}
