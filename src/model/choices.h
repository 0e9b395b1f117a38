/*
 * Choices: a service's name, version and routes, as environments hold them.  Most environments
 * choose what others choose, too, so all that are alike share one block of strings.
 */
#ifndef MF_MODEL_CHOICES_H
#define MF_MODEL_CHOICES_H

struct env_service;

/* The same choice in strings that last until it is given back. */
void choices_take(const struct env_service *from, struct env_service *ret_service);
void choices_give_back(const struct env_service *service);

#endif
