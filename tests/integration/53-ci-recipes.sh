#!/bin/bash
# The recipes for CI: what they run makes an environment, waits for it, shows it and deletes it, and
# says what a change of files would do.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq git

start_mayfly
write_environment prod frontend=1@/ backend=1
start_instance frontend frontend 1
start_instance backend backend 1
within 'prod answers' 10 serves www-prod.example.com '^frontend 1 '

export ENVIRONMENT VERSION BASE GITHUB_STEP_SUMMARY=$T/out/summary
run() { # RECIPE FROM TO: the commands in its lines from one to the other, as the runner's shell does
	sed -n "/$2/,/$3/s/^ *\(- \)\{0,1\}\(\(mayfly\|git\|cfgrender\) .*\)/\2/p" \
		"$TOP/contrib/ci/$1" >"$T/out/recipe"
	PATH=$MAYFLY_BIN:$PATH timeout 60 bash -e "$T/out/recipe"
}
is_deleted() { not etcd_has "environments/$1"; }

ENVIRONMENT=pr-42 VERSION=3f2c1
start_instance candidate frontend "$VERSION"
: >"$GITHUB_STEP_SUMMARY"
ok 'GitHub: a pull request' run github.yaml '^  start:' '^  end:'
ok '  has its environment when that is done' serves www-pr-42.example.com '^frontend 3f2c1 '
like "$(<"$GITHUB_STEP_SUMMARY")" 'frontend +3f2c1' '  which is in the summary'
ok '  another commit' run github.yaml '^  start:' '^  end:'
ok '  and its end' run github.yaml '^  end:' 'nowhere'
within '  takes it away' 10 is_deleted pr-42

ENVIRONMENT=mr-7
ok 'GitLab: a merge request' run gitlab.yaml '^environment:' '^environment-end:'
ok '  has its environment when that is done' serves www-mr-7.example.com '^frontend 3f2c1 '
ok '  and its end' run gitlab.yaml '^environment-end:' 'nowhere'
within '  takes it away' 10 is_deleted mr-7

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q -b main "$T/repo"
cd "$T/repo" || exit 1
git config user.name tester
git config user.email tester@example.com
mkdir environments
cp "$T/environments/prod.yaml" environments/
echo 'frontend: {1: ["10.0.0.5:80"], 2: ["10.0.0.6:80"]}' >backends.yaml
git add -A && git commit -q -m base
BASE=$(git rev-parse HEAD)
: >"$GITHUB_STEP_SUMMARY"
ok 'a pull request that changes nothing' run github-files.yaml '^ *run:' 'nowhere'
is "$(<"$GITHUB_STEP_SUMMARY")" '### Mayfly: nothing changes' '  is told so'
git worktree remove --force .before && rm -r .now
sed -i 's/version: 1/version: 2/' environments/prod.yaml
: >"$GITHUB_STEP_SUMMARY"
ok 'one that changes a version' run github-files.yaml '^ *run:' 'nowhere'
like "$(<"$GITHUB_STEP_SUMMARY")" '^environment prod: frontend 1 -> 2$' '  is told which'
git worktree remove --force .before && rm -r .now
echo 'name: bad name' >environments/bad.yaml
not_ok() { not run "$@"; }
ok 'one with a bad file fails' not_ok github-files.yaml '^ *run:' 'nowhere'
like "$(<"$GITHUB_STEP_SUMMARY")" 'bad.yaml.*not allowed: a space' '  and is told why'

done_testing
