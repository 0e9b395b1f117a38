/* An endpoint of this host, resolved once.  To follow its changes, watch netif. */
#include "cmd/endpoint.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "register/netif.h"
#include "sys/address.h"

#define AUTO ":auto"

static int find_address(const struct netif_want *want, char **ret_address, struct mf_err *err)
{
	struct netif_list *list;

	if (want->kind == NETIF_ADDRESS) {
		*ret_address = mem_dup_str(want->text);
		return 0;
	}
	list = netif_list_new();
	*ret_address = mem_dup_str(netif_find(list, want, NULL));
	netif_list_free(list);
	if (*ret_address != NULL)
		return 0;
	if (want->kind == NETIF_INTERFACE && if_nametoindex(want->name) == 0)
		return mf_err_set(err, MF_EDATA,
				  "\"%s\": this host has no such interface, and names of hosts are "
				  "not resolved here: give an address such as 10.0.0.5, or an "
				  "interface such as eth0",
				  want->text);
	return mf_err_set(err, MF_EDATA, "\"%s\": this host has no such address", want->text);
}

int endpoint_find(const char *s, bool may_be_auto, char **ret_address, unsigned *ret_port,
		  struct mf_err *err)
{
	bool is_auto = str_has_suffix(s, AUTO);
	mem_auto_free char *whole =
	    is_auto ? mem_printf("%.*s:1", (int)(strlen(s) - strlen(AUTO)), s) : mem_dup_str(s);
	mem_auto_free char *address = NULL;
	struct netif_want want;
	unsigned port;

	if (is_auto && !may_be_auto)
		return mf_err_set(err, MF_EDATA,
				  "\"%s\": only with a command behind --, which is given the port",
				  s);
	if (netif_parse_endpoint(whole, strlen(whole), &want, &port, err) != 0 ||
	    find_address(&want, &address, err) != 0 ||
	    (is_auto && address_find_free_port(address, &port, err) != 0))
		return err->code;
	*ret_address = address;
	*ret_port = port;
	address = NULL;
	return 0;
}
