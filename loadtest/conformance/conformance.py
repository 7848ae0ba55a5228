"""Sends the corpus of raw requests to our server, nginx, haproxy and h11 and compares what they make of it.

Fails if our server's verdict is not the corpus', if it accepts what all three others refuse, or if this check does not
notice a laxness that is planted in front of it. Differences are listed with the RFC section. Run by `make conformance`.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import h11

PEERS = ["nginx", "haproxy", "h11"]
# Started by root, nginx would work as a user who can't reach the folder of its temporary files.
AS_ROOT = ["-g", "user root;"] if os.geteuid() == 0 else []
STATUS = {
    "method": 501, "unknown_coding": 501, "version": 505, "expectation": 417, "target_too_long": 414,
    "header_too_large": 431, "body_too_large": 413,
}  # fmt: skip
QUIET_SECONDS = 0.5
TOGETHER = 24


@dataclass
class Sample:
    name: str
    rfc: str
    data: bytes
    methods: list
    refused: str | None
    topic: str


@dataclass
class Verdict:
    """How many requests were accepted, and whether the next one was refused."""

    accepted: int = 0
    refused: bool = False
    status: int | None = None
    text: str = ""
    closed: bool = False

    def __str__(self):
        return f"refused ({self.status or 'closed'})" if self.refused else f"accepted {self.accepted}"


def load(folder):
    def raw(value):
        if isinstance(value, str):
            return value.encode("latin-1")
        return b"".join(raw(p) if isinstance(p, str) else p[0].encode("latin-1") * p[1] for p in value)

    samples = []
    for file in sorted(Path(folder).glob("*.jsonl")):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            methods = [request["method"] for request in entry.get("accepted", [])]
            samples.append(Sample(entry["name"], entry["rfc"], raw(entry["bytes"]), methods, entry.get("refused"), file.stem))
    return samples


# MARK: Talking to a server


async def answers(reader, methods, verdict):
    """Reads answers until the server closes or says nothing more."""
    position = 0
    while True:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), QUIET_SECONDS)
        except asyncio.TimeoutError:
            return
        except (asyncio.IncompleteReadError, ConnectionError):
            verdict.closed = True
            return
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        if 100 <= status < 200:
            continue
        fields = {l.split(":", 1)[0].lower(): l.split(":", 1)[1].strip() for l in lines[1:] if ":" in l}
        is_head = position < len(methods) and methods[position] == "HEAD" and status < 400
        length = 0 if is_head or status == 204 else int(fields.get("content-length", "0"))
        try:
            body = await asyncio.wait_for(reader.readexactly(length), 5) if length else b""
        except (asyncio.TimeoutError, asyncio.IncompleteReadError):
            # An answer to a HEAD that was refused tells a length and has no body.
            body = b""
        if status >= 400:
            verdict.refused, verdict.status, verdict.text = True, status, body.decode("latin-1")
            # A refusal must be the end.
            try:
                rest = await asyncio.wait_for(reader.read(1), 3)
                verdict.closed = rest == b""
            except asyncio.TimeoutError:
                verdict.closed = False
            except ConnectionError:
                verdict.closed = True
            return
        verdict.accepted += 1
        position += 1


async def ask(port, sample):
    verdict = Verdict()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sample.data)
        await answers(reader, sample.methods, verdict)
    except (ConnectionError, asyncio.IncompleteReadError):
        verdict.closed = True
    finally:
        writer.close()
    # Closing without an answer to something that is left is a refusal too.
    if verdict.closed and verdict.accepted < max(1, len(sample.methods)):
        verdict.refused = True
    return verdict


async def ask_all(port, samples):
    gate = asyncio.Semaphore(TOGETHER)

    async def one(sample):
        async with gate:
            return await ask(port, sample)

    return await asyncio.gather(*(one(sample) for sample in samples))


def ask_h11(sample):
    verdict = Verdict()
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(sample.data)
        while True:
            event = connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return verdict
            if isinstance(event, h11.EndOfMessage):
                verdict.accepted += 1
                connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return verdict
                connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        verdict.refused, verdict.status = True, error.error_status_hint
    return verdict


# MARK: Servers


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(program):
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
    if not path:
        sys.exit(f"{program} is not installed: apt-get install -y {program}")
    return path


def wait_for(port):
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


@dataclass
class Servers:
    folder: Path
    edge: str
    children: list = field(default_factory=list)

    def start(self, words):
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def peer(self, template, words):
        port = free_port()
        text = (Path(__file__).parent / template).read_text()
        file = self.folder / template
        file.write_text(text.replace("@PORT@", str(port)).replace("@FOLDER@", str(self.folder)))
        self.start([*words, str(file)])
        wait_for(port)
        return port

    def ours(self):
        return int(self.start([self.edge, "edge-server", "corpus"]).stdout.readline())

    def stop(self):
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait(10)


# MARK: The comparison


def wrong(sample, ours):
    """What is wrong with our verdict; None if nothing is."""
    if ours.refused != (sample.refused is not None):
        return f"{ours} instead of {'refused as ' + sample.refused if sample.refused else 'accepted'}"
    if ours.accepted != len(sample.methods):
        return f"{ours.accepted} requests accepted instead of {len(sample.methods)}"
    if sample.refused:
        if ours.status != STATUS.get(sample.refused, 400):
            return f"answered {ours.status}"
        if sample.refused not in ours.text:
            return f"refused for another reason: {ours.text.strip()}"
        if not ours.closed:
            return "the connection stays open after the refusal"
    return None


def laxer_than_all(samples, ours, peers):
    return [
        sample
        for index, sample in enumerate(samples)
        if not ours[index].refused and all(verdicts[index].refused for verdicts in peers.values())
    ]


def soften(data):
    """A front as it should not be: it reads a sign before a length."""
    return data.replace(b"Content-Length: +", b"Content-Length: ")


def differences(samples, ours, peers):
    """Lines of (kind, topic, name, RFC, who) for every sample on which somebody disagrees with us."""
    lines = []
    for index, sample in enumerate(samples):
        others = [peer for peer in PEERS if peers[peer][index].refused != ours[index].refused]
        if others:
            kind = "stricter than" if ours[index].refused else "laxer than"
            lines.append((kind, sample.topic, sample.name, sample.rfc, ", ".join(others)))
    return sorted(lines)


def report(samples, ours, peers, lines):
    print(f"{'topic':<15}{'samples':>8}{'refused':>9}" + "".join(f"{peer + ' refuses':>17}" for peer in PEERS))
    for topic in sorted({sample.topic for sample in samples}):
        rows = [index for index, sample in enumerate(samples) if sample.topic == topic]
        counts = [sum(peers[peer][index].refused for index in rows) for peer in PEERS]
        refused = sum(ours[index].refused for index in rows)
        print(f"{topic:<15}{len(rows):>8}{refused:>9}" + "".join(f"{count:>17}" for count in counts))
    print(f"\n{len(lines)} differences")
    for kind, topic, name, rfc, who in lines:
        print(f"  {kind} {who:<22} {topic}: {name} (RFC {rfc})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--edge", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--folder", required=True)
    options = parser.parse_args()
    samples = load(options.corpus)
    folder = Path(options.folder).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    servers = Servers(folder, options.edge)
    try:
        port = servers.ours()
        ours = asyncio.run(ask_all(port, samples))
        peers = {
            "nginx": asyncio.run(ask_all(servers.peer("nginx.conf", [find("nginx"), *AS_ROOT, "-c"]), samples)),
            "haproxy": asyncio.run(ask_all(servers.peer("haproxy.cfg", [find("haproxy"), "-db", "-f"]), samples)),
            "h11": [ask_h11(sample) for sample in samples],
        }
        softened = [Sample(s.name, s.rfc, soften(s.data), s.methods, s.refused, s.topic) for s in samples]
        planted = asyncio.run(ask_all(port, softened))
    finally:
        servers.stop()
    lines = differences(samples, ours, peers)
    report(samples, ours, peers, lines)
    faults = [(sample, wrong(sample, ours[index])) for index, sample in enumerate(samples)]
    faults = [(sample, fault) for sample, fault in faults if fault]
    lax = laxer_than_all(samples, ours, peers)
    caught = laxer_than_all(samples, planted, peers)
    for sample, fault in faults:
        print(f"\nWRONG {sample.topic}: {sample.name}: {fault}")
    for sample in lax:
        print(f"\nLAX {sample.topic}: {sample.name}: nginx, haproxy and h11 refuse it (RFC {sample.rfc})")
    print(f"\nplanted laxness (a sign before a length) caught by: {', '.join(sample.name for sample in caught) or 'nothing'}")
    figures = {
        "samples": len(samples),
        "wrong_verdicts": len(faults),
        "laxer_than_all": len(lax),
        "planted_laxness_caught": len(caught) - len(lax),
        "stricter_differences": sum(line[0] == "stricter than" for line in lines),
        "laxer_than_one_differences": sum(line[0] == "laxer than" for line in lines),
    }
    targets = {"samples": ">= 400", "wrong_verdicts": "= 0", "laxer_than_all": "= 0", "planted_laxness_caught": ">= 1"}
    holds = len(samples) >= 400 and not faults and not lax and len(caught) > 0
    print(json.dumps({"bench": "conformance", "figures": figures, "targets": targets, "holds": holds}, separators=(",", ":")))
    sys.exit(0 if holds else 1)


main()
