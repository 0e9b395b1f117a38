/*
 * A sign of life to the service manager, for as long as the loop turns.
 */
#ifndef MF_CMD_WATCHDOG_H
#define MF_CMD_WATCHDOG_H

struct loop;
struct watchdog;

struct watchdog *watchdog_start(struct loop *loop); /* does nothing when none is asked for */
void watchdog_stop(struct watchdog *watchdog);	    /* NULL is fine */

#endif
