"""Random changes under load: every answer must be of the state before a change, or after it.

    live.py ETCD EXTERNAL INTERNAL METRICS BACKENDS SEED CHANGES

BACKENDS: a file, `SERVICE VERSION ADDRESS` a line.  A state is in force from when its change is sent
until kvwatch says that the next one is applied; a request may see any state of its time.

Some environments say `expires`, and end by themselves; some say `idle`, and must not, as they are used.
"""

import http.client
import json
import random
import sys
import threading
import time

import etcd
import model
import world

NAMES = [f"e{i}" for i in range(6)]
DOOR, BEACON, WARM = "door", "beacon", "warm"
PATHS = ["/", "/a", "/a/b/x", "/c/1", "/b"]
WORKERS, SHOWN, DEADLINE = 4, 10, 30
ENDING = 0.04  # of the changes


def request_of(said):
    """What conditions may ask for: (method, header, query, cookie), each but the first or None."""
    method, header, query, cookie = said
    return {"method": method, "header": {"x-canary": header}, "query": {"v": query},
            "cookie": {"beta": cookie}}


class State:
    def __init__(self, envs, live):
        self.envs, self.live, self.known = envs, live, {}

    def is_live(self, service, version):
        return (service, version) in self.live

    def at_service(self, env, service, number, request):
        found = model.versions(self.envs, env, service, number, self.is_live, request)
        return {f"{service} {version}" for version in found} or {"503"}

    def at_path(self, env, path, number, request):
        may = set()
        for target in model.targets(self.envs, env, number) or {None}:
            service = target and model.at_path(self.envs, target, path)
            may |= self.at_service(target, service, number, request) if service else {"503"}
        return may

    def may(self, question):
        if question not in self.known:
            is_outside, env, what, number, said = question
            ask = self.at_path if is_outside else self.at_service
            self.known[question] = ask(env, what, number, request_of(said)) \
                if env in self.envs else {"503"}
        return self.known[question]


class Run:
    def __init__(self, arguments):
        self.etcd = etcd.Etcd(arguments[0])
        self.outside, self.inside, self.metrics = (a.split("//")[-1] for a in arguments[1:4])
        with open(arguments[4], encoding="utf-8") as lines:
            self.backends = {tuple(line.split()[:2]): line.split()[2] for line in lines}
        self.dice, self.changes = random.Random(int(arguments[5])), int(arguments[6])
        self.states, self.applied = [State({}, frozenset())], 0
        self.lock, self.is_over = threading.Lock(), False
        self.asked = self.wrong = self.ended = self.beacons = 0

    # --- the load

    def ask(self, connections, question):
        """What answers; a kept connection that ends without a byte is no answer yet."""
        is_outside, env, what, number, (method, header, query, cookie) = question
        path = (what if is_outside else "/") + (f"?v={query}" if query else "")
        headers = {"Host": f"www-{env}.example.com"} if is_outside else \
            {"Host": f"{what}.service", "x-mayfly": env}
        if header:
            headers["X-Canary"] = header
        cookies = [f"mayfly-visitor={number}"] * (number is not None)
        cookies += [f"beta={cookie}"] * (cookie is not None)
        if cookies:
            headers["Cookie"] = "; ".join(cookies)
        for is_last in (False, True):
            if connections.get(is_outside) is None:
                connections[is_outside] = http.client.HTTPConnection(
                    self.outside if is_outside else self.inside, timeout=DEADLINE)
                is_last = True
            try:
                connections[is_outside].request(method, path, headers=headers)
                answer = connections[is_outside].getresponse()
                text = answer.read().decode()
                return " ".join(text.split()[:2]) if answer.status == 200 else str(answer.status)
            except (http.client.RemoteDisconnected, ConnectionError) as why:
                connections.pop(is_outside).close()
                if is_last:
                    return f"lost: {why!r}"

    def check(self, first, question, got):
        last = len(self.states)
        may = [self.states[i].may(question) for i in range(first, last)]
        with self.lock:
            self.asked += 1
            if any(got in one for one in may):
                return
            self.wrong += 1
            if self.wrong <= SHOWN:
                envs = [json.dumps(self.states[i].envs) for i in range(first, last)]
                print(f"{question}: {got}, not {may} of states {first} to {last - 1}", *envs,
                      sep="\n")

    def work(self, seed):
        dice, connections = random.Random(seed), {}
        while not self.is_over:
            is_outside = dice.random() < 0.5
            env = dice.choice(NAMES + [DOOR] if is_outside else NAMES)
            what = dice.choice(PATHS if is_outside else world.SERVICES)
            number = dice.choice([None, dice.randrange(100)])
            said = (dice.choice(["GET", "POST"]),) + tuple(
                dice.choice([None, None, "a", "b"]) for _ in range(3))
            first, question = self.applied, (is_outside, env, what, number, said)
            self.check(first, question, self.ask(connections, question))

    # --- the changes

    def new_world(self):
        """A change of one environment that leaves every one composed, or takes one away."""
        envs = dict(self.states[-1].envs)
        while True:
            at = self.dice.randrange(len(NAMES) + 1)
            if at == len(NAMES):
                envs[DOOR] = world.random_door(self.dice, DOOR, NAMES)
                return DOOR, envs
            name = NAMES[at]
            if name in envs and self.dice.random() < 0.15:
                del envs[name]
                return name, envs
            after = envs | {name: world.random_env(self.dice, NAMES, at)}
            if all(model.linearise(after, n) for n in after
                   if n != DOOR and (n == name or model.linearise(envs, n))):
                return name, after

    def next_change(self):
        """The keys that change, and the state after it."""
        before = self.states[-1]
        if self.dice.random() < 0.8:
            name, envs = self.new_world()
            text = json.dumps(envs[name]) if name in envs else None
            return {f"/mayfly/environments/{name}": text}, State(envs, before.live)
        one = (self.dice.choice(world.SERVICES), self.dice.choice(["2", "3"]))
        key = f"/mayfly/backends/{one[0]}/{one[1]}/a"
        value = None if one in before.live else self.backends[one]
        return {key: value}, State(before.envs, before.live ^ {one})

    def read_applied(self):
        connection = http.client.HTTPConnection(self.metrics, timeout=DEADLINE)
        connection.request("GET", "/metrics")
        for line in connection.getresponse().read().decode().splitlines():
            if line.startswith("mayfly_applied_revision "):
                return int(float(line.split()[1]))
        return 0

    def apply(self, number, keys, state, later=()):
        """later: states that come by themselves once this one is there."""
        self.beacons += 1  # never what it was: who sees no change has nothing to apply
        beacon = {"name": BEACON, "services": [{"name": "s0", "version": str(self.beacons % 2 + 1)}]}
        keys = keys | {f"/mayfly/environments/{BEACON}": json.dumps(beacon)}
        at = len(self.states)
        self.states += [state, *later]
        revision, end = self.etcd.change(keys), time.monotonic() + DEADLINE
        while self.read_applied() < revision:
            if time.monotonic() > end:
                raise TimeoutError(f"change {number} is not applied")
            time.sleep(0.002)
        self.applied = at

    def end_one(self, number):
        """An environment that no other extends ends when its time is over."""
        envs, live = self.states[-1].envs, self.states[-1].live
        parents = {parent for env in envs.values() for parent in env.get("extends", [])}
        names = sorted(name for name in envs if name in NAMES and name not in parents)
        if not names:
            return
        name = self.dice.choice(names)
        key = f"/mayfly/environments/{name}"
        without = State({n: env for n, env in envs.items() if n != name}, live)
        text, end = json.dumps(envs[name] | {"expires": "1s"}), time.monotonic() + DEADLINE
        self.apply(number, {key: text}, State(envs, live), [without])
        while self.etcd.has(key):
            if time.monotonic() > end:
                raise TimeoutError(f"change {number}: {name} does not end")
            time.sleep(0.05)
        self.apply(number, {}, without)
        self.ended += 1

    def warm_up(self):
        """The first use of a name, and of idle, takes a reload, until which nothing is so."""
        condition = {"header": {"x-canary": "a"}, "query": {"v": "a"}, "cookie": {"beta": "a"}}
        warm = {"name": WARM, "idle": "1h", "services": [
            {"name": "s0", "version": "1", "when": [condition | {"version": "1"}]}]}
        self.etcd.change({f"/mayfly/environments/{WARM}": json.dumps(warm)})
        end, question = time.monotonic() + DEADLINE, (False, WARM, "s0", None, ("GET",) + (None,) * 3)
        while self.ask({}, question) != "s0 1":
            if time.monotonic() > end:
                raise TimeoutError("conditions do not come into force")
            time.sleep(0.05)

    def run(self):
        keys = {f"/mayfly/backends/{s}/{v}/a": address for (s, v), address in
                self.backends.items()}
        self.apply(0, keys, State({}, frozenset(self.backends)))
        self.warm_up()
        workers = [threading.Thread(target=self.work, args=(i,)) for i in range(WORKERS)]
        for worker in workers:
            worker.start()
        try:
            for number in range(1, self.changes + 1):
                if self.dice.random() < ENDING:
                    self.end_one(number)
                self.apply(number, *self.next_change())
        finally:
            self.is_over = True
            for worker in workers:
                worker.join()
        print(f"changes={self.changes} ended={self.ended} requests={self.asked} wrong={self.wrong}")
        return 1 if self.wrong or not self.asked else 0


if __name__ == "__main__":
    sys.exit(Run(sys.argv[1:]).run())
