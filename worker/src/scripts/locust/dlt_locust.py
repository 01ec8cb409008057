"""Runs Locust and writes a line for each request: python dlt_locust.py <arguments of locust>

DLT_SAMPLES  the FIFO that gets the lines, each an array of JSON
DLT_GATE     the FIFO that the load waits for: it begins when a byte of it, or its end, was read
DLT_OVERRIDE 1: the load is that of the arguments, and a LoadTestShape of the script is put aside
DLT_STAGES   [[users, seconds], ...]: the load in place of the script's own, from 0 users, linear

Lines:  [start_us, response_us, method, name, status, body_bytes, exception_class, message]
        ["users", number], once a second
Redirects that a response followed are lines of their own, under the same name, before it.
"""
import json
import math
import os
import sys
import time

from gevent import monkey

monkey.patch_all()
import gevent
from gevent import lock, os as gevent_os
from locust import LoadTestShape, events, main as locust_main

LONGEST_TEXT = 2000
lines = []
quoted = {}


def text(value):
    """A text as JSON; those that repeat, as names do, are remembered."""
    known = quoted.get(value)
    if known is None:
        known = json.dumps(str(value)[:LONGEST_TEXT])
        if len(quoted) < 10_000:
            quoted[value] = known
    return known


def on_request(request_type, name, response_time, response_length, exception=None, start_time=None,
               response=None, **_):
    elapsed = max(0, int((response_time or 0) * 1000))
    start = int(start_time * 1e6) if start_time else int(time.time() * 1e6) - elapsed
    label = f"{text(request_type)},{text(name)}"
    for hop in getattr(response, "history", None) or ():
        took = getattr(hop, "elapsed", None)
        took = min(elapsed, int(took.total_seconds() * 1e6)) if took is not None else 0
        size = len(getattr(hop, "content", b"") or b"")
        lines.append(f"[{start},{took},{label},{int(hop.status_code)},{size},null,null]\n")
        start, elapsed = start + took, elapsed - took
    status = int(getattr(response, "status_code", 0) or 0)
    failure = "null,null" if exception is None else f"{text(type(exception).__name__)},{json.dumps(str(exception)[:LONGEST_TEXT])}"
    lines.append(f"[{start},{elapsed},{label},{status},{int(response_length or 0)},{failure}]\n")


class Writer:
    """Writes lines in a greenlet of its own: a full pipe holds up nothing else."""

    def __init__(self, path):
        self.pipe = os.open(path, os.O_WRONLY)
        gevent_os.make_nonblocking(self.pipe)
        self.lock = lock.RLock()
        self.environment = None

    def flush(self):
        with self.lock:
            while lines:
                part = lines[:]
                del lines[:len(part)]
                data = memoryview("".join(part).encode())
                while data:
                    data = data[gevent_os.nb_write(self.pipe, data):]

    def run(self):
        users_at = 0
        while True:
            gevent.sleep(0.1)
            if time.time() >= users_at:
                users_at = time.time() + 1
                runner = self.environment.runner
                lines.append(f'["users",{runner.user_count if runner else 0}]\n')
            self.flush()


class Stages(LoadTestShape):
    """Users over time, as the scenario has them."""

    abstract = True

    def __init__(self, stages):
        super().__init__()
        self.stages = stages

    def tick(self):
        at, before = self.get_run_time(), 0
        for users, seconds in self.stages:
            if at < seconds:
                now = before + (users - before) * at / seconds
                # As many as there are to be at the next look, which comes in a second.
                step = abs(users - before) / seconds
                return max(0, math.ceil(now)), max(1, step, abs(users - before) if seconds < 1 else 0)
            at, before = at - seconds, users
        return None


def wait_at(gate):
    def read():
        with open(gate, "rb") as file:
            file.read(1)

    gevent.get_hub().threadpool.apply(read)


writer = Writer(os.environ["DLT_SAMPLES"])


@events.init.add_listener
def on_init(environment, **_):
    if environment.shape_class is None and not environment.parsed_options.run_time:
        print("the script says no load: it has no LoadTestShape; give users and hold-for, or write one",
              file=sys.stderr, flush=True)
        sys.exit(2)
    writer.environment = environment
    gevent.spawn(writer.run)
    wait_at(os.environ["DLT_GATE"])


events.request.add_listener(on_request)

# Another load than the script's own puts its shapes aside.
stages = json.loads(os.environ.get("DLT_STAGES", "null"))
if stages or os.environ.get("DLT_OVERRIDE") == "1":
    load = locust_main.load_locustfile
    locust_main.load_locustfile = lambda path: (load(path)[0], [Stages(stages)] if stages else [])

if __name__ == "__main__":
    sys.argv[0] = "locust"
    try:
        locust_main.main()
    finally:
        writer.flush()
