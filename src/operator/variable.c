/* A list of names, which cannot be complete: a program may run what any variable says. */
#include "operator/variable.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A name that ends with "*" stands for all that begin so.  mayfly-security(7) has them all. */
static const struct {
	const char *reason;
	const char *const *names;
} groups[] = {
    {"the dynamic loader takes code from it",
     (const char *const[]){"LD_*", "GLIBC_TUNABLES", "GCONV_PATH", "DYLD_*", NULL}},
    {"the C library takes files or programs from it",
     (const char *const[]){"LOCPATH", "NLSPATH", "MALLOC_TRACE", "HOSTALIASES", "RESOLV_HOST_CONF",
			   "GETCONF_DIR", NULL}},
    {"OpenSSL takes code from it",
     (const char *const[]){"OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES", NULL}},
    {"programs are found by it", (const char *const[]){"PATH", "HOME", "SHELL", "CDPATH", NULL}},
    {"shells change by it what they run",
     (const char *const[]){"IFS", "BASH_*", "BASHOPTS", "SHELLOPTS", "PS4", "PROMPT_COMMAND",
			   "ZDOTDIR", "FPATH", NULL}},
    {"Python runs code from it",
     (const char *const[]){"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE",
			   "PYTHONPLATLIBDIR", "PYTHONPYCACHEPREFIX", "PYTHONEXECUTABLE",
			   "PYTHONBREAKPOINT", "PYTHONWARNINGS", "PYTHONINSPECT", NULL}},
    {"Perl runs code from it",
     (const char *const[]){"PERLLIB", "PERL5LIB", "PERL5OPT", "PERL5DB", "PERL5SHELL", NULL}},
    {"Ruby runs code from it",
     (const char *const[]){"RUBYOPT", "RUBYLIB", "GEM_HOME", "GEM_PATH", "BUNDLE_GEMFILE", NULL}},
    {"Node.js runs code from it", (const char *const[]){"NODE_OPTIONS", "NODE_PATH", NULL}},
    {"Java runs code from it", (const char *const[]){"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS",
						     "_JAVA_OPTIONS", "CLASSPATH", NULL}},
    {"PHP runs code from it", (const char *const[]){"PHPRC", "PHP_INI_SCAN_DIR", NULL}},
    {"Lua runs code from it", (const char *const[]){"LUA_INIT*", "LUA_PATH*", "LUA_CPATH*", NULL}},
    {"Tcl runs code from it", (const char *const[]){"TCLLIBPATH", NULL}},
    {"Erlang runs code from it", (const char *const[]){"ERL_LIBS", "ERL_FLAGS", "ERL_AFLAGS",
						       "ERL_ZFLAGS", "ELIXIR_ERL_OPTIONS", NULL}},
    {".NET runs code from it",
     (const char *const[]){"DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE",
			   "CORECLR_*", "COR_PROFILER*", "COR_ENABLE_PROFILING", NULL}},
    {"Git and ssh run programs that it names",
     (const char *const[]){"GIT_SSH*", "GIT_CONFIG*", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR",
			   "GIT_ASKPASS", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PAGER",
			   "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "SSH_ASKPASS", NULL}},
    {"programs run what it names", (const char *const[]){"EDITOR", "VISUAL", "PAGER", NULL}},
};

static bool is_meant(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(name, pattern, len - 1) == 0;
	return strcmp(name, pattern) == 0;
}

const char *variable_find_reason(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (const char *const *p = groups[i].names; *p != NULL; p++)
			if (is_meant(*p, name))
				return groups[i].reason;
	return NULL;
}
