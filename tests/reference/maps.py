"""HAProxy's maps as the configuration asks them: which version of a service a number comes to."""


def load(path):
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split(" ", 1) for line in lines if line.strip())


class Maps:
    def __init__(self, directory):
        for name in ("environments", "versions", "choices"):
            setattr(self, name, load(f"{directory}/{name}.map"))

    def beginning(self, key):
        """map_beg: the longest key that this one begins with."""
        return next((self.choices[key[:n]] for n in range(len(key), 0, -1)
                     if key[:n] in self.choices), None)

    def find(self, generation, service):
        own = self.versions.get(f"{generation}/{service}")
        if own is None and generation.count("@") > 1:
            base = self.environments.get(generation.split("@")[2])
            own = self.versions.get(f"{base}/{service}")
        return own

    def chain(self, generation, backend, number):
        """The backends that are asked, in order."""
        if "@" in backend:
            choice, asked = backend.split("@", 1)[1], None
            for _ in range(9):
                tail = f"{100 + number}" if asked is None else f"{asked}/{100 + number}"
                found = self.beginning(choice + tail)
                if found is None:
                    break
                asked = found
                yield asked
        else:
            yield backend
        for _ in range(8):
            backend = self.versions.get(f"{generation}/{backend}")
            if backend is None:
                return
            yield backend

    def version(self, env, service, number, is_live):
        """None: nobody answers."""
        generation = self.environments.get(env)
        backend = generation and self.find(generation, service)
        for asked in self.chain(generation, backend, number) if backend else ():
            name, version = asked.split(":", 1)
            if is_live(name, version):
                return version
        return None
