#!/usr/bin/env python3
"""Bruno, an analyst, in one file: Python's standard library and the node's local API (HTTP + JSON).

    comity agent create bruno
    python3 bruno.py                       # answers market-analysis/1.0/request
    python3 bruno.py --update-after 5      # and comes back with something better 5 seconds later
    python3 bruno.py --analyse data.csv    # no agent: print the findings

It does what examples/src/bin/bruno.rs does. The node proved the sender and checked the grant before
anything arrives here.
"""
import argparse
import http.client
import json
import os
import re
import sys
import threading
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

PROTOCOL = "https://example.org/market-analysis/1.0"


# --- the agent -----------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description="Bruno, an analyst.")
    parser.add_argument("--update-after", type=float, metavar="SECONDS",
                        default=os.environ.get("BRUNO_UPDATE_AFTER"))
    parser.add_argument("--analyse", metavar="FILE")
    options = parser.parse_args()
    if options.analyse:
        print(json.dumps(analyse(read(options.analyse))))
        return
    node = Node("bruno")
    print(f"bruno listens as {node.call('GET', '/v1/agent')['did']}", flush=True)
    while True:
        # A lease is ours for a minute. What we don't settle in that time is offered again.
        leased = node.call("POST", "/v1/lease", {"max": 1, "wait_s": 30})
        for delivery in leased["deliveries"]:
            settlement = {"delivery": delivery["delivery"], "lease": delivery["lease"]}
            settlement.update(handle(delivery, node, options.update_after))
            # The reply travels inside: it is sent if, and only if, this takes effect. Saying it
            # twice does nothing.
            result = node.call("POST", "/v1/settle", {"settlements": [settlement]})["results"][0]
            if "problem" in result:
                print(f"not settled: {result['problem']['title']}", file=sys.stderr, flush=True)


def handle(delivery, node, update_after):
    """What to answer: done with a reply, reject, or retry."""
    message = delivery["message"]
    if not re.fullmatch(re.escape(PROTOCOL.rsplit(".", 1)[0]) + r"\.\d+/request", message["type"]):
        comment = f'no handler for "{message["type"]}"; bruno handles: market-analysis/1.0/request'
        return reject("e.p.msg.unsupported-type", comment)
    try:
        request = checked(message.get("body"))
        findings = analyse(request)
    except Rejected as why:
        return reject(why.code, str(why))
    except Exception as why:  # ours, not theirs: they learn nothing of it, and we try again
        print(f"failed: {why!r}", file=sys.stderr, flush=True)
        return {"outcome": "retry", "after_s": min(60, 2 ** (delivery["attempt"] - 1))}
    print(f"{message['from']} asked about {request['name']}: {findings['n']} points", flush=True)
    if update_after is not None:
        again = threading.Timer(float(update_after), update, (node, delivery, request, findings))
        again.daemon = True
        again.start()
    response = {"type": "response", "body": findings, "causes": [delivery["context"]["digest"]]}
    return {"outcome": "done", "messages": [response]}


def reject(code, comment):
    return {"outcome": "reject", "code": code, "comment": comment}


def update(node, delivery, request, findings):
    """Bruno starts something himself, in a thread of its own, naming what it was made from.

    It is outside the settlement and may happen twice; under the same id it is one message.
    """
    body = look_again(request, findings)
    if body is None:
        return
    message = delivery["message"]
    try:
        sent = node.call("POST", "/v1/messages", {
            "id": ("again-" + message["id"])[:64],
            "to": message["from"],
            "type": PROTOCOL + "/update",
            "body": body,
            "causes": [delivery["context"]["digest"]],
        })
        print(f"sent an update: {sent['id']} ({sent['state']})", flush=True)
    except Refused as why:
        print(f"no update: {why}", file=sys.stderr, flush=True)


# --- the local API -------------------------------------------------------------------------------


class Refused(Exception):
    def __init__(self, title, next_step):
        super().__init__(title + (f"\n  → {next_step}" if next_step else ""))


class Node:
    """The agent's door. Everything said to it may be repeated, so a node that is away is awaited."""

    def __init__(self, agent):
        url, token = os.environ.get("COMITY_URL"), os.environ.get("COMITY_TOKEN")
        if not (url and token):
            data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
            home = Path(os.environ.get("COMITY_HOME") or Path(data) / "comity")
            path = home / "agents" / f"{agent}.json"
            if not path.exists():
                sys.exit(f"no agent {agent!r} here: {path} is missing\n  → comity agent create {agent}")
            credentials = json.loads(path.read_text())
            url, token = credentials["url"], credentials["token"]
        self.address = urlsplit(url).netloc
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.local = threading.local()

    def call(self, method, path, body=None):
        pause = 0.05
        while True:
            try:
                status, answer = self.once(method, path, body)
            except (OSError, http.client.HTTPException):
                self.local.connection = None
                time.sleep(pause)
                pause = min(2, pause * 2)
                continue
            if status < 300:
                return answer
            if status in (429, 503):
                time.sleep(answer.get("retry_after_s", 1))
                continue
            raise Refused(answer.get("title", f"HTTP {status}"), answer.get("next"))

    def once(self, method, path, body):
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.address, timeout=60)
            self.local.connection = connection
        connection.request(method, path, None if body is None else json.dumps(body), self.headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")


# --- the analysis --------------------------------------------------------------------------------


class Rejected(Exception):
    def __init__(self, code, words):
        super().__init__(words)
        self.code = code


def checked(body):
    """The request, if it is one."""
    def bad(words):
        raise Rejected("e.p.msg.bad-body", words)

    if not isinstance(body, dict):
        bad("the body is not an object")
    for name, kind in (("name", str), ("unit", str), ("series", list)):
        if name not in body:
            bad(f"missing field `{name}`")
        if not isinstance(body[name], kind):
            bad(f"`{name}` is not what was expected")
    for point in body["series"]:
        if not (isinstance(point, dict) and isinstance(point.get("v"), (int, float))
                and not isinstance(point["v"], bool)
                and re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", str(point.get("t")))):
            bad('a point is {"t":"1997-12","v":26.92}')
    return body


def analyse(request):
    """Trend (least squares), season (monthly means of the rest), outliers (robust z-score of what
    then remains, beyond 3.5)."""
    series = request["series"]
    if len(series) < 24:
        raise Rejected("e.p.msg.too-few-points",
                       f"{len(series)} points; two years of months are the least")
    for a, b in zip(series, series[1:]):
        if a["t"] >= b["t"]:
            raise Rejected("e.p.msg.out-of-order", f"{b['t']} comes after {a['t']}")
    line = trend(series)
    detrended = [p["v"] - (line["at_start"] + line["per_year"] * years(series[0], p))
                 for p in series]
    by_month = []
    for month in range(1, 13):
        values = [d for p, d in zip(series, detrended) if int(p["t"][5:]) == month]
        by_month.append(mean(values) if values else None)
    known = [(m, i + 1) for i, m in enumerate(by_month) if m is not None]
    peak = max(known, key=lambda k: k[0])
    trough = min(known, key=lambda k: k[0])
    rest = [d - by_month[int(p["t"][5:]) - 1] for p, d in zip(series, detrended)]
    middle = median(rest)
    spread = median([abs(r - middle) for r in rest])
    scored = [(p, 0.6745 * (r - middle) / spread) for p, r in zip(series, rest)] if spread else []
    return {
        "name": request["name"],
        "unit": request["unit"],
        "n": len(series),
        "mean": mean([p["v"] for p in series]),
        "trend": line,
        "seasonality": {"amplitude": peak[0] - trough[0], "peak_month": peak[1],
                        "trough_month": trough[1], "by_month": by_month},
        "outliers": [{"t": p["t"], "v": p["v"], "z": z} for p, z in scored if abs(z) > 3.5],
    }


def look_again(request, findings):
    """The trend without the outliers, if there were any."""
    without = [outlier["t"] for outlier in findings["outliers"]]
    kept = [p for p in request["series"] if p["t"] not in without]
    if not without or len(kept) < 24:
        return None
    line = trend(kept)
    line["at_start"] -= line["per_year"] * years(request["series"][0], kept[0])
    return {"name": findings["name"], "unit": findings["unit"], "was": findings["trend"],
            "trend": line, "without": without,
            "why": f"the trend without {len(without)} outliers"}


def trend(series):
    x = [years(series[0], p) for p in series]
    v = [p["v"] for p in series]
    x_mean, v_mean = mean(x), mean(v)
    covariance = sum((a - x_mean) * (b - v_mean) for a, b in zip(x, v))
    per_year = covariance / sum((a - x_mean) ** 2 for a in x)
    return {"per_year": per_year, "at_start": v_mean - per_year * x_mean}


def years(first, point):
    def number(p):
        return int(p["t"][:4]) * 12 + int(p["t"][5:])

    return (number(point) - number(first)) / 12


def mean(values):
    return sum(values) / len(values)


def read(path):
    lines = Path(path).read_text().split()
    points = (line.split(",") for line in lines[1:])
    return {"name": Path(path).stem, "unit": lines[0].split(",")[1],
            "series": [{"t": t, "v": float(v)} for t, v in points]}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except Refused as refused:
        sys.exit(f"error: {refused}")
