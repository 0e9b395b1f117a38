"""Environments as mayfly-environment(5) describes them: a slow resolver written from the rules alone.

A world is a dict of environments by name, each a dict as its file has it: name, extends, without,
missing, split, services (dicts with name, and version, versions, route).  For each service all
members of the family are asked, one after the other.
"""

ABSENT = object()


def linearise(world, name, above=()):
    """The family of an environment, nearest first (C3); None: it has to be set aside."""
    env = world.get(name)
    if env is None or name in above or len(above) >= 8:
        return None
    parents = env.get("extends", [])
    lists = [linearise(world, parent, above + (name,)) for parent in parents] + [list(parents)]
    if any(one is None for one in lists):
        return None
    order = [name]
    while any(lists):
        for one in lists:
            if one and not any(one[0] in other[1:] for other in lists):
                head = one[0]
                break
        else:
            return None
        order.append(head)
        lists = [one[1:] if one and one[0] == head else one for one in lists]
    return order


def is_above(world, name, other):
    """Whether the first extends the second, in any number of steps."""
    return any(p == other or is_above(world, p, other) for p in world[name].get("extends", []))


def find_service(env, service):
    return next((s for s in env["services"] if s["name"] == service), None)


class Family:
    """An environment with all that it extends."""

    def __init__(self, world, name):
        self.world, self.order = world, linearise(world, name)

    def is_taken_away(self, place, service):
        order = self.order
        return any(service in self.world[order[i]].get("without", [])
                   and is_above(self.world, order[i], order[place]) for i in range(place))

    def members(self, service):
        """Those that have the service, with their places, nearest first."""
        for place, name in enumerate(self.order):
            said = find_service(self.world[name], service)
            if said is not None and not self.is_taken_away(place, service):
                yield place, self.world[name], said

    def services(self):
        if self.order is None:
            return []
        names = {s["name"] for name in self.order for s in self.world[name]["services"]}
        return sorted(name for name in names if any(self.members(name)))

    def find(self, service, keys):
        """(place, value) of each member that says one of the keys; null is the default."""
        for place, env, said in self.members(service):
            value = next((said[key] for key in keys if key in said), ABSENT)
            if value is ABSENT and not env.get("extends"):
                value = None
            if value is not ABSENT:
                yield place, value

    def conditions(self, service):
        """Those of whoever says the version: they are a part of the same choice."""
        place, _ = next(self.find(service, ("version", "versions")), (None, None))
        said = None if place is None else find_service(self.world[self.order[place]], service)
        return said.get("when", []) if said else []

    def choices(self, service):
        """{version: percent}: what is chosen, and what that differs from, and so on upwards."""
        below = None
        for place, value in self.find(service, ("version", "versions")):
            if below is None or is_above(self.world, below, self.order[place]):
                below = self.order[place]
                yield value if isinstance(value, dict) else {value or "latest": 100}

    def route(self, service):
        """Its path, which a service of somebody nearer may have taken."""
        place, route = next(self.find(service, ("route",)), (0, None))
        for other in self.services() if route else []:
            theirs, taken = next(self.find(other, ("route",)), (0, None))
            if other != service and taken == route and theirs < place:
                return None
        return route

    def versions(self, service, number, is_live, request=None):
        """Those that may answer; an empty set: none does, and it is 503."""
        for one in self.conditions(service) if request else ():
            if holds(one, request) and is_live(service, one["version"]):
                return {one["version"]}
        chosen, *others = list(self.choices(service)) or [{"latest": 100}]
        found = answers(chosen, number, lambda version: is_live(service, version))
        for choice in others if self.is_baseline() and not found else ():
            largest_first = sorted(choice, key=choice.get, reverse=True)
            found = [v for v in largest_first if is_live(service, v)][:1]
            if found:
                break
        return set(found)

    def is_baseline(self):
        said = (self.world[name].get("missing") for name in self.order)
        return next((word for word in said if word), "fail") == "baseline"


def holds(condition, request):
    """Whether all of it does; a request says its method, and a map of each of the others."""
    return request["method"] in condition.get("method", [request["method"]]) and all(
        request[kind].get(name) == value for kind in ("header", "query", "cookie")
        for name, value in condition.get(kind, {}).items())


def pick(shares, number):
    """The ranges of the numbers are in the order written."""
    for key, percent in shares.items():
        if number < percent:
            return key
        number -= percent
    raise AssertionError("the percents do not sum to 100")


def answers(shares, number, is_live):
    """Who may answer; without a number, for any of them."""
    live = {key for key in shares if is_live(key)}
    numbers = range(100) if number is None else (number,)
    chosen = {pick(shares, n) for n in numbers}
    return (chosen & live) | (live if chosen - live else set())


def versions(world, name, service, number, is_live, request):
    """The same of one that may not be there."""
    family = Family(world, name)
    if service not in family.services():
        return set()
    return family.versions(service, number, is_live, request)


def targets(world, name, number):
    """Which environments a visitor of that one may come to."""
    split = world.get(name, {}).get("split")
    return answers(split, number, lambda one: linearise(world, one)) if split else {name}


def at_path(world, name, path):
    """The service at that path, by the longest prefix; None: there is none."""
    family = Family(world, name)
    routes = {family.route(s): s for s in family.services()}
    found = [r for r in routes if r and (path + "/").startswith(r.rstrip("/") + "/")]
    return routes[max(found, key=len)] if found else None
