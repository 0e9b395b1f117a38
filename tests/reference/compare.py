"""Thousands of random families, as cfgrender resolves them and as the rules say.

    compare.py CFGRENDER DIR ETCD SEED ROUNDS
"""

import json
import random
import subprocess
import sys

import etcd
import maps
import model
import world

FAMILIES, ENVS = 100, 6


def is_live(_, version):
    return version in ("1", "2", "3")


def make_family(dice, prefix):
    names = [f"{prefix}-e{i}" for i in range(ENVS)]
    return {names[i]: world.random_env(dice, names, i) for i in range(ENVS)
            if dice.random() > 0.05}


def render(cfgrender, directory, server, envs):
    server.clear("/mayfly/environments/")
    server.change({f"/mayfly/environments/{name}": json.dumps(env) for name, env in envs.items()})
    command = cfgrender.split()
    subprocess.run(command + ["--output-dir", f"{directory}/out"], check=True,
                   stderr=subprocess.DEVNULL)
    view = subprocess.run(command + ["--print-view"], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout
    return {env["name"]: env for env in json.loads(view)["environments"]}


def check_env(envs, name, shown, router):
    family = model.Family(envs, name)
    assert (shown["aside"] is None) == (family.order is not None), "set aside"
    if family.order is None:
        return
    services = family.services()
    assert [s["name"] for s in shown["services"]] == services, "services"
    for said in shown["services"]:
        route = family.route(said["name"])
        assert said["routes"] == [world.ROUTES_STORED[route]] if route else not said["routes"], \
            f"routes of {said['name']}"
    for service in services:
        for number in range(100):
            may = family.versions(service, number, is_live)
            got = router.version(name, service, number, is_live)
            assert got in may if may else got is None, f"{service} {number}: {got}, not {may}"


def main(cfgrender, directory, url, seed, rounds):
    server = etcd.Etcd(url)
    server.change({f"/mayfly/backends/{service}/{version}/a": f"127.0.0.{i + 1}:{version}"
                   for i, service in enumerate(world.SERVICES) for version in ("1", "2", "3")})
    dice, wrong, count = random.Random(seed), 0, 0
    for turn in range(rounds):
        families = [make_family(dice, f"f{i}") for i in range(FAMILIES)]
        shown = render(cfgrender, directory, server, {k: v for f in families for k, v in f.items()})
        router = maps.Maps(f"{directory}/out/maps")
        for family in families:
            for name in family:
                count += 1
                try:
                    check_env(family, name, shown[name], router)
                except AssertionError as why:
                    wrong += 1
                    print(f"round {turn}: {name}: {why}\n{json.dumps(list(family.values()))}")
    print(f"families={rounds * FAMILIES} environments={count} wrong={wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])))
