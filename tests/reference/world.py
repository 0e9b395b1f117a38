"""Random worlds of environments, and their random changes."""

SERVICES = ["s0", "s1", "s2", "s3"]
VERSIONS = ["1", "2", "3", "4"]
ROUTES = ["/", "/a", "/a/b", "/c"]
ROUTES_STORED = {"/": "/", "/a": "/a/", "/a/b": "/a/b/", "/c": "/c/"}  # as the maps have them


def random_shares(dice, names):
    shares = {name: 0 for name in dice.sample(names, dice.randint(2, min(4, len(names))))}
    for name in list(shares)[1:]:
        shares[name] = dice.choice([0, 1, 5, 10, 20, 33])
    shares[next(iter(shares))] = 100 - sum(shares.values())
    return shares


def random_when(dice):
    """Few names, as the first use of one takes a reload."""
    one = {"version": dice.choice(VERSIONS)}
    for kind, name in (("header", "x-canary"), ("query", "v"), ("cookie", "beta")):
        if dice.random() < 0.4:
            one[kind] = {name: dice.choice(["a", "b"])}
    if dice.random() < 0.3 or len(one) == 1:
        one["method"] = dice.choice([["GET"], ["POST"], ["GET", "POST"]])
    return one


def random_choice(dice, service, is_child):
    word = dice.randint(0, 5 if is_child else 3)
    if word == 0:
        service["versions"] = random_shares(dice, VERSIONS)
        service["sticky"] = "cookie"
    elif word < 3:
        service["version"] = dice.choice(VERSIONS)
    elif word == 5:
        service["version"] = None
    if word < 3 and dice.random() < 0.3:
        service["when"] = [random_when(dice) for _ in range(dice.randint(1, 3))]


def random_services(dice, is_child):
    services, free = [], list(ROUTES)
    for name in SERVICES:
        if dice.random() < 0.3:
            continue
        service = {"name": name}
        random_choice(dice, service, is_child)
        word = dice.randint(0, 3)
        if word < 2 and free:
            service["route"] = free.pop(dice.randrange(len(free)))
        elif word == 3 and is_child:
            service["route"] = None
        services.append(service)
    return services


def random_env(dice, names, at):
    """Mostly of parents with lower numbers, so that those that extend themselves are few."""
    env = {"name": names[at]}
    others = [n for n in (names if dice.random() < 0.05 else names[:at]) if n != names[at]]
    parents = dice.sample(others, min(len(others), dice.choice([0, 1, 1, 2, 3])))
    if parents:
        env["extends"] = parents
    env["services"] = random_services(dice, bool(parents))
    said = {s["name"] for s in env["services"]}
    without = [s for s in SERVICES if s not in said and dice.random() < 0.2]
    if parents and without:
        env["without"] = without
    missing = dice.choice([None, "baseline", "baseline", "fail"])
    if missing:
        env["missing"] = missing
    if dice.random() < 0.3:
        env["idle"] = "10s"  # it is used all the time
    return env


def random_door(dice, name, names):
    return {"name": name, "services": [], "split": random_shares(dice, names)}

