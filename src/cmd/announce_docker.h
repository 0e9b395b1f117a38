/*
 * svcregister docker: the containers of a Docker engine, and this node's address for them.
 */
#ifndef MF_CMD_ANNOUNCE_DOCKER_H
#define MF_CMD_ANNOUNCE_DOCKER_H

struct announce;
struct announce_docker;
struct loop;
struct mf_err;
struct settings;
struct svcregister_options;

/*
 * Options and settings are borrowed.  SIGHUP looks at all containers anew; with
 * leaves SIGTERM and SIGINT stop the loop and leave what is registered to its lease.  MF_EUSAGE:
 * --ip,
 * --network; MF_ECONFIG: the engine's address.
 */
int announce_docker_start(struct loop *loop, struct announce *announce,
			  const struct settings *settings,
			  const struct svcregister_options *options,
			  struct announce_docker **ret_docker, struct mf_err *err);
void announce_docker_stop(struct announce_docker *docker); /* NULL is fine */

#endif
