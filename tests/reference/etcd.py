"""etcd by its JSON gateway."""

import base64
import http.client
import json

MOST = 100  # operations of a transaction


def encode(text):
    return base64.b64encode(text.encode()).decode()


class Etcd:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.split("//")[1], timeout=60)

    def call(self, path, body):
        self.connection.request("POST", path, json.dumps(body))
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"etcd: {answer.status}: {text[:200]}")
        return json.loads(text)

    def change(self, changes):
        """Puts, or deletes where the value is None; the revision of the last of them."""
        items, answer = list(changes.items()), None
        for i in range(0, len(items), MOST):
            answer = self.call("/v3/kv/txn", {"success": [
                {"requestPut": {"key": encode(key), "value": encode(value)}} if value is not None
                else {"requestDeleteRange": {"key": encode(key)}}
                for key, value in items[i:i + MOST]]})
        return int(answer["header"]["revision"])

    def has(self, key):
        return "kvs" in self.call("/v3/kv/range", {"key": encode(key)})

    def clear(self, prefix):
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        self.call("/v3/kv/deleterange", {"key": encode(prefix), "range_end": encode(end)})
