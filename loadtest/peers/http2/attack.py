"""Attacks our HTTP/2 server the way the known denial-of-service classes do, and looks whether it stays small and useful.

Starts the edge server of the benchmarks by itself. First honest tools talk to it (curl, nghttp, h2load, plain and over
TLS); then each attack runs for a few seconds from several connections, which are opened again as soon as the server cuts
them. Meanwhile an honest client asks over fresh connections. Printed: what the server cut and how, its CPU time and
memory, and the honest client's waiting. The last line is JSON; the exit code is 0 only if every target holds.
"""

import argparse
import json
import os
import random
import re
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import h2.config
import h2.connection
import h2.events
import hpack
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATH = "/webhooks/telegram/main"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")


class Server:
    """The server under attack, with what it uses from /proc."""

    def __init__(self, executable, *words):
        self.process = subprocess.Popen(
            [executable, "edge-server", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE

    def metric(self, name, *labels):
        """The sum of a metric's samples that have all of the labels."""
        text = fetch(self.port, "GET", "/metrics")[1].decode()
        lines = [line for line in text.splitlines() if line.startswith(name) and all(l in line for l in labels)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)


def fetch(port, method="POST", path=PATH, body=b"{}", context=None, timeout=10):
    """One request over a fresh connection; status and body."""
    with socket.create_connection(("127.0.0.1", port), timeout) as plain:
        wire = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        client.initiate_connection()
        headers = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path)]
        client.send_headers(1, headers, end_stream=method == "GET")
        if method != "GET":
            client.send_data(1, body, end_stream=True)
        wire.sendall(client.data_to_send())
        status, answer = 0, b""
        while True:
            data = wire.recv(65536)
            if not data:
                raise ConnectionError("closed before the answer")
            for event in client.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                elif isinstance(event, h2.events.DataReceived):
                    answer += event.data
                    client.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, h2.events.StreamEnded):
                    return status, answer
                elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    raise ConnectionError(f"refused: {event}")
            wire.sendall(client.data_to_send())


class Attacker(threading.Thread):
    """One connection after the other, each fed from `make_bytes` until it is cut or the time is over."""

    def __init__(self, port, attack, deadline):
        super().__init__(daemon=True)
        self.port, self.attack, self.deadline = port, attack, deadline
        self.connections = 0
        self.sent = 0
        self.cuts = 0
        self.codes = []

    def run(self):
        while time.monotonic() < self.deadline:
            try:
                self.connect()
            except OSError:
                self.cuts += 1

    def connect(self):
        self.connections += 1
        with socket.create_connection(("127.0.0.1", self.port), 5) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            settings = SettingsFrame(0, self.attack.settings).serialize()
            wire.sendall(PREFACE + settings + SettingsFrame(0, flags=["ACK"]).serialize())
            reader = threading.Thread(target=self.read, args=(wire,), daemon=True)
            if self.attack.reads:
                reader.start()
            wire.settimeout(1)
            for piece in self.attack.pieces():
                if time.monotonic() >= self.deadline:
                    return
                if self.attack.reads and not reader.is_alive():
                    break  # Cut: come back at once.
                try:
                    wire.sendall(piece)
                    self.sent += len(piece)
                except TimeoutError:
                    return  # The server has stopped reading: its back-pressure works.
            # Everything is said; what is open stays open until the time is over or we are cut.
            if self.attack.reads:
                reader.join(max(0, self.deadline - time.monotonic()))
                self.cuts += 0 if reader.is_alive() else 1
            else:
                time.sleep(max(0, self.deadline - time.monotonic()))

    def read(self, wire):
        pending = b""
        while True:
            try:
                data = wire.recv(65536)
            except TimeoutError:
                if time.monotonic() >= self.deadline:
                    return
                continue
            except OSError:
                return
            if not data:
                return
            pending += data
            while len(pending) >= 9:
                length = int.from_bytes(pending[:3], "big")
                if len(pending) < 9 + length:
                    break
                if pending[3] == GoAwayFrame.type:
                    self.codes.append(struct.unpack(">I", pending[13:17])[0])
                pending = pending[9 + length :]


class Attack:
    """What one connection sends.

    `expected` names the reason under which the server counts the cut; None where it only has to stay small.
    """

    settings = {}
    reads = True

    def __init__(self, name, expected, pieces, settings=None, reads=True):
        self.name, self.expected, self.pieces = name, expected, pieces
        self.settings, self.reads = settings or {}, reads


def header_block(method="POST", path=PATH, extra=()):
    fields = [(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path), *extra]
    return hpack.Encoder().encode(fields)


def headers(stream, block, *flags):
    frame = HeadersFrame(stream, block, flags=flags)
    return frame.serialize()


BLOCK = header_block()
GET = header_block("GET", "/metrics")
ODD = range(1, 2**24, 2)
SEED = int(os.environ.get("ATTACK_SEED") or random.randrange(2**32))
CHANCE = random.Random(SEED)


def rapid_reset():
    for start in range(0, len(ODD), 100):
        yield b"".join(
            headers(s, BLOCK, "END_HEADERS") + RstStreamFrame(s, 8).serialize() for s in ODD[start : start + 100]
        )


def made_you_reset():
    # Bodies longer than announced: each one is an error of its stream only, and we are the ones who reset it.
    block = header_block(extra=[("content-length", "1")])
    for start in range(0, len(ODD), 100):
        yield b"".join(
            headers(s, block, "END_HEADERS") + DataFrame(s, b"zz").serialize() for s in ODD[start : start + 100]
        )


def repeated(frame, before=b""):
    def pieces():
        if before:
            yield before
        blob = frame * (65536 // len(frame))
        while True:
            yield blob

    return pieces


def continuation():
    yield headers(1, BLOCK)
    literal = b"\x00\x01x" + b"\x7f\x81\x7d" + b"y" * 16128
    frame = ContinuationFrame(1, literal).serialize()
    while True:
        yield frame


def empty_continuation():
    yield headers(1, BLOCK)
    yield from repeated(ContinuationFrame(1, b"").serialize())()


def hpack_bomb():
    # One entry of nearly the whole table, then a byte each for 4,000 more: 16 KiB stand for 64 MiB.
    entry = b"\x40\x01x" + b"\x7f\x81\x1e" + b"y" * 3968
    for stream in ODD:
        yield headers(stream, BLOCK + entry + b"\xbe" * 12000, "END_HEADERS", "END_STREAM")


def large_headers():
    for stream in ODD:
        extra = [(f"x-{number}", "v" * 3000) for number in range(5)]
        yield headers(stream, header_block(extra=extra), "END_HEADERS", "END_STREAM")


def flow_violation():
    for stream in ODD:
        yield headers(stream, BLOCK, "END_HEADERS")
        yield DataFrame(stream, b"z" * 16384).serialize() * 100


def hoarded_bodies():
    # Bodies that are never finished, as many and as large as the windows allow.
    for stream in ODD[:100]:
        yield headers(stream, BLOCK, "END_HEADERS") + DataFrame(stream, b"z" * 16384).serialize() * 3


def slow_reader():
    # No window at all for answers.
    yield b"".join(headers(s, GET, "END_HEADERS", "END_STREAM") for s in ODD[:100])


def deaf():
    # Requests without end, and nobody takes the answers off the socket.
    increase = WindowUpdateFrame(0, window_increment=2**30).serialize()
    yield increase
    for start in range(0, len(ODD), 50):
        yield b"".join(headers(s, GET, "END_HEADERS", "END_STREAM") for s in ODD[start : start + 50])


def nonsense():
    # Right here and wrong there, in new ways each time; the seed is printed.
    chance = random.Random(CHANCE.random())
    stream = 1
    while True:
        piece = bytearray()
        for _ in range(chance.randint(1, 20)):
            if chance.random() < 0.4:
                extra = [("content-length", str(chance.randint(0, 9)))] if chance.random() < 0.5 else []
                ends = ["END_STREAM"] if chance.random() < 0.5 else []
                piece += headers(stream, header_block(extra=extra), "END_HEADERS", *ends)
                stream += 2
            else:
                payload = chance.randbytes(chance.choice([0, 4, 5, 8, 9, 40]))
                target = chance.choice([0, chance.randint(0, stream)])
                head = len(payload).to_bytes(3, "big") + bytes([chance.randrange(10), chance.randrange(48)])
                piece += head + target.to_bytes(4, "big") + payload
        for _ in range(chance.randint(0, 2)):
            piece[chance.randrange(len(piece))] = chance.randrange(256)
        yield bytes(piece)


def half_preface():
    yield headers(1, BLOCK)[:20]


ATTACKS = [
    Attack("rapid reset", "http2_resets", rapid_reset),
    Attack("resets by our errors", "http2_resets", made_you_reset),
    Attack("SETTINGS flood", "http2_control_frames", repeated(SettingsFrame(0).serialize())),
    Attack("PING flood", "http2_control_frames", repeated(PingFrame(0, b"12345678").serialize())),
    Attack("PING flood, deaf", "http2_control_frames", repeated(PingFrame(0, b"12345678").serialize()), reads=False),
    Attack("PRIORITY flood", "http2_control_frames", repeated(PriorityFrame(3, 0, 5, False).serialize())),
    Attack(
        "WINDOW_UPDATE flood", "http2_control_frames", repeated(WindowUpdateFrame(0, window_increment=1).serialize())
    ),
    Attack(
        "empty DATA flood",
        "http2_control_frames",
        repeated(DataFrame(1, b"").serialize(), headers(1, BLOCK, "END_HEADERS")),
    ),
    Attack("CONTINUATION flood", "http2_header_block", continuation),
    Attack("empty CONTINUATION flood", "http2_header_block", empty_continuation),
    Attack("HPACK bomb", "http2_header_block", hpack_bomb),
    Attack("headers over the limit", None, large_headers),
    Attack("flow control ignored", None, flow_violation),
    Attack("bodies never finished", None, hoarded_bodies),
    Attack("answers without window", None, slow_reader, {SettingsFrame.INITIAL_WINDOW_SIZE: 0}),
    Attack("answers not read", None, deaf, {SettingsFrame.INITIAL_WINDOW_SIZE: 2**30}, reads=False),
    Attack("random frames", None, nonsense),
    Attack("header without end", None, half_preface),
]


def run_attack(server, attack, seconds, connections):
    """Figures of one attack, and of an honest client beside it."""
    before = server.metric("atelier_http_connections_closed_total", f'reason="{attack.expected}"')
    cpu, memory = server.cpu_seconds(), server.resident_bytes()
    peak = memory
    started = time.monotonic()
    attackers = [Attacker(server.port, attack, started + seconds) for _ in range(connections)]
    for attacker in attackers:
        attacker.start()
    waits, failures = [], 0
    while time.monotonic() < started + seconds:
        asked = time.monotonic()
        try:
            failures += fetch(server.port)[0] != 200
        except (OSError, ConnectionError):
            failures += 1
        waits.append((time.monotonic() - asked) * 1000)
        peak = max(peak, server.resident_bytes())
        time.sleep(0.05)
    used = server.cpu_seconds() - cpu
    for attacker in attackers:
        attacker.join(5)
    time.sleep(0.5)
    calm = server.cpu_seconds()
    time.sleep(1)
    calm = server.cpu_seconds() - calm
    cuts = server.metric("atelier_http_connections_closed_total", f'reason="{attack.expected}"') - before
    return {
        "name": attack.name,
        "connections": sum(a.connections for a in attackers),
        "megabytes": sum(a.sent for a in attackers) / 1e6,
        "cuts": cuts if attack.expected else sum(a.cuts for a in attackers),
        "reason": attack.expected or "-",
        "cpu": used / seconds * 100,
        "calm_cpu": calm * 100,
        "growth": (peak - memory) / 1e6,
        "honest_p50": statistics.median(waits),
        "honest_max": max(waits),
        "failures": failures,
    }


def run(command, want, **options):
    """Whether a tool's output holds what it should."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    output = done.stdout + done.stderr
    good = done.returncode == 0 and re.search(want, output) is not None
    if not good:
        print(f"{' '.join(command)} failed ({done.returncode}):\n{output[-2000:]}", file=sys.stderr)
    return good


def honest_tools(server, secure, folder):
    """What curl, nghttp and h2load say, plain and over TLS."""
    plain, tls = f"http://127.0.0.1:{server.port}{PATH}", f"https://127.0.0.1:{secure.port}{PATH}"
    body = os.path.join(folder, "body")
    with open(body, "w") as file:
        file.write('{"update_id":1}' * 30)
    curl = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "--data-binary", f"@{body}"]
    load = ["h2load", "-n", "20000", "-c", "8", "-m", "32", "-d", body]
    agreed = ["--cacert", f"{folder}/server.pem"]
    good = r"20000 succeeded, 0 failed, 0 errored"
    return {
        "curl_prior_knowledge": run([*curl, "--http2-prior-knowledge", plain], "^2 200$"),
        "curl_http1_same_port": run([*curl, plain], "^1.1 200$"),
        "curl_alpn_http2": run([*curl, *agreed, "--http2", tls], "^2 200$"),
        "curl_alpn_http1": run([*curl, *agreed, "--http1.1", tls], "^1.1 200$"),
        "nghttp": run(["nghttp", "-nv", "-d", body, plain], r":status: 200"),
        "nghttp_tls": run(["nghttp", "-nv", "-d", body, tls], r":status: 200"),
        "h2load": run([*load, plain], good),
        "h2load_tls": run([*load, tls], good),
    }


def make_certificate(folder):
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", names, "-keyout", f"{folder}/server.key", "-out", f"{folder}/server.pem"],
        check=True,
        capture_output=True,
    )


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))


def judge(tools, results, exits):
    figures, targets, holds = {}, {}, True

    def require(name, value, wanted, good):
        nonlocal holds
        figures[name], targets[name] = round(value, 2), wanted
        if not good:
            holds = False
            print(f"MISSED {name}: {value:.2f}, wanted {wanted}")

    require("honest_tools_failed", sum(not good for good in tools.values()), "= 0", all(tools.values()))
    uncut = [r["name"] for r in results if r["reason"] != "-" and r["cuts"] == 0]
    require("floods_not_cut", len(uncut), "= 0", not uncut)
    require("honest_failures", sum(r["failures"] for r in results), "= 0", all(r["failures"] == 0 for r in results))
    slowest = max(r["honest_max"] for r in results)
    require("honest_max_milliseconds", slowest, "<= 1000", slowest <= 1000)
    growth = max(r["growth"] for r in results)
    require("growth_max_megabytes", growth, "<= 100", growth <= 100)
    calm = max(r["calm_cpu"] for r in results)
    require("cpu_percent_after", calm, "<= 5", calm <= 5)
    require("unclean_exits", sum(code != 0 for code in exits), "= 0", not any(exits))
    print(json.dumps({"bench": "attack-http2", "figures": figures, "targets": targets, "holds": holds}))
    return holds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder)
        server = Server(options.server)
        secure = Server(options.server, f"{folder}/server.pem", f"{folder}/server.key")
        print(f"seed {SEED}")
        tools = honest_tools(server, secure, folder)
        for name, good in tools.items():
            print(f"{name:24} {'works' if good else 'FAILED'}")
        results = [
            run_attack(server, attack, options.seconds, options.connections)
            for attack in ATTACKS
            if options.only in attack.name
        ]
        heads = ["attack", "connections", "MB sent", "cut", "as", "CPU %", "after %", "memory +MB", "honest p50 ms"]
        rows = [heads + ["max ms", "failed"]]
        for r in results:
            rows.append([r["name"], str(r["connections"]), f"{r['megabytes']:.1f}", f"{r['cuts']:.0f}", r["reason"]])
            rows[-1] += [f"{r['cpu']:.0f}", f"{r['calm_cpu']:.1f}", f"{r['growth']:.1f}", f"{r['honest_p50']:.1f}"]
            rows[-1] += [f"{r['honest_max']:.0f}", str(r["failures"])]
        print()
        table(rows)
        exits = [server.stop(), secure.stop()]
        return 0 if judge(tools, results, exits) else 1


if __name__ == "__main__":
    sys.exit(main())
