"""Runs the fuzz targets one after the other on the kept corpus, then prints what they did and what they covered.

Fails if a target traps, if the planted bug is not found within 60 seconds, or if less than 95 % of the HTTP/1 parser's
lines were run. The corpus is kept as one hexadecimal line an input in loadtest/fuzz/corpus/<target>.hex; --keep merges
what was found into it and adds the executions to loadtest/fuzz/tally.jsonl, whose sums are printed. --targets runs some
of the targets only; the planted bug and the lines belong to http1. Run by `make fuzz`.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# Shares of the time: HTTP/2 is the slowest by far.
TARGETS = {"http1": 0.2, "http2": 0.5, "json": 0.1, "outline": 0.1, "arrays": 0.1}
TALLY = HERE / "tally.jsonl"
PARSER = ["HTTP1Parser.swift", "HTTP1Parser+Head.swift", "HTTP1Parser+Chunks.swift", "HeaderFacts.swift", "HostSyntax.swift", "RequestTarget.swift"]
LARGEST_BYTES = 1024
KEPT_BYTES = 200
PLANTED_SECONDS = 60
# What one input may take. By the clock on the wall, and a process that was stopped for a while hangs no more than others.
INPUT_SECONDS = 900


def unpack(target, folder):
    folder.mkdir(parents=True)
    inputs = [bytes.fromhex(line) for line in kept(target).read_text().split()] if kept(target).exists() else []
    for number, data in enumerate(inputs + seeds(target)):
        (folder / f"kept-{number}").write_bytes(data)


def kept(target):
    return HERE / "corpus" / f"{target}.hex"


def seeds(target):
    """The raw requests of the conformance corpus, and examples of the contracts."""
    if target == "http1":
        lines = [line for file in sorted((ROOT / "Tests/Fixtures/http1").glob("*.jsonl")) for line in file.read_text().splitlines()]
        return [bytes([index % 256]) + raw(json.loads(line)["bytes"]) for index, line in enumerate(lines)]
    if target == "http2":
        return [b"\x10" + data for data in http2_seeds()]
    if target in ("json", "outline"):
        files = sorted((ROOT / "contracts/examples").glob("*/*.json"))
        return [data for data in (file.read_bytes() for file in files) if len(data) <= LARGEST_BYTES][:100]
    return []


def http2_seeds():
    """What follows the preface: settings, requests with and without a body, and every other frame once."""

    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    settings = frame(4, 0, 0)
    get = b"\x82\x84\x86\x41\x01h"  # :method GET, :path /, :scheme http, :authority h
    post = b"\x83\x04\x02/p\x86\x41\x01h"
    half = len(post) // 2
    return [
        settings + frame(1, 5, 1, get),
        settings + frame(1, 4, 1, post) + frame(0, 1, 1, b"hello"),
        settings + frame(1, 0, 1, post[:half]) + frame(9, 4, 1, post[half:]) + frame(0, 9, 1, b"\x02hi\0\0"),
        settings + frame(1, 5, 1, get) + frame(1, 5, 3, get) + frame(3, 0, 1, bytes(4)) + frame(6, 0, 0, bytes(8)),
        settings + frame(4, 1, 0) + frame(8, 0, 0, b"\0\0\1\0") + frame(2, 0, 5, bytes(5)) + frame(7, 0, 0, bytes(8)),
        frame(4, 0, 0, b"\0\4\0\0\0\0") + frame(1, 4, 1, post) + frame(0, 0, 1, bytes(90)) + frame(0, 1, 1, bytes(20)),
        settings + frame(1, 4, 1, post) + frame(1, 5, 1, b"\x40\x01t\x01v"),
    ]


def raw(value):
    if isinstance(value, str):
        return value.encode("latin-1")
    return b"".join(raw(piece) if isinstance(piece, str) else piece[0].encode("latin-1") * piece[1] for piece in value)


def run(program, target, folder, seconds, profile):
    """Returns libFuzzer's last figures and its output; the exit code is 0 unless it found something."""
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    words = [program, f"-max_total_time={int(seconds)}", f"-max_len={LARGEST_BYTES}", f"-timeout={INPUT_SECONDS}",
             "-rss_limit_mb=1024", "-print_final_stats=1", f"-artifact_prefix={folder}/artifacts/{target}-", str(folder / target)]  # fmt: skip
    environment = dict(os.environ, FUZZ_TARGET=target, LLVM_PROFILE_FILE=str(profile), SWIFT_BACKTRACE="enable=no")
    began = time.monotonic()
    result = subprocess.run(words, capture_output=True, env=environment)
    text = result.stderr.decode("utf-8", "replace")
    executions = re.search(r"number_of_executed_units:\s*(\d+)", text) or (re.findall(r"#(\d+)\s", text) or ["0"])[-1:]
    count = int(executions[1]) if isinstance(executions, re.Match) else int(executions[0]) if executions else 0
    covered = [int(number) for number in re.findall(r"cov: (\d+)", text)]
    return {
        "code": result.returncode,
        "seconds": time.monotonic() - began,
        "executions": count,
        "edges": covered[-1] if covered else 0,
        "inputs": len(list((folder / target).iterdir())),
        "text": text,
    }


def coverage(program, tools, profiles):
    """Shares of the HTTP/1 parser's lines that were run, by file and in all."""
    tools = Path(tools)
    merged = profiles[0].parent / "merged.profdata"
    present = [str(file) for file in profiles if file.exists()]
    subprocess.run([tools / "llvm-profdata", "merge", "-sparse", *present, "-o", merged], check=True)
    sources = [str(ROOT / "Sources/HTTPServer" / name) for name in PARSER]
    text = subprocess.run(
        [tools / "llvm-cov", "export", "-summary-only", program, f"-instr-profile={merged}", *sources],
        check=True,
        capture_output=True,
    ).stdout
    files = json.loads(text)["data"][0]["files"]
    lines = {Path(file["filename"]).name: file["summary"]["lines"] for file in files}
    total = sum(line["count"] for line in lines.values())
    return lines, 100 * sum(line["covered"] for line in lines.values()) / total


def keep(program, target, folder):
    """Writes the smallest set of inputs that covers as much."""
    small = folder / f"{target}-small"
    small.mkdir()
    environment = dict(os.environ, FUZZ_TARGET=target, LLVM_PROFILE_FILE=str(folder / "merge.profraw"))
    words = [program, "-set_cover_merge=1", f"-max_len={LARGEST_BYTES}", str(small), str(folder / target)]
    subprocess.run(words, check=True, capture_output=True, env=environment)
    known = set(seeds(target))
    inputs = sorted({file.read_bytes() for file in small.iterdir()} - known, key=lambda data: (len(data), data))
    kept(target).write_text("".join(data.hex() + "\n" for data in inputs if 0 < len(data) <= KEPT_BYTES))
    print(f"{kept(target).relative_to(ROOT)}: {len(inputs)} inputs")


def tally(results):
    """Adds a clean run of each target to the tally."""
    today = datetime.date.today().isoformat()
    with TALLY.open("a") as file:
        for target, result in results.items():
            if result["code"]:
                continue
            line = {"date": today, "target": target, "executions": result["executions"], "seconds": round(result["seconds"])}
            file.write(json.dumps(line) + "\n")


def sums():
    """Executions of all runs in the tally, by target."""
    totals = dict.fromkeys(TARGETS, 0)
    for line in TALLY.read_text().splitlines() if TALLY.exists() else []:
        run = json.loads(line)
        totals[run["target"]] += run["executions"]
    return totals


def print_coverage(program, tools, profiles):
    """Prints the lines of the HTTP/1 parser that were run and returns their share."""
    lines, percent = coverage(program, tools, profiles)
    print(f"\n{'HTTP/1 parser':<28}{'lines':>7}{'run':>7}{'%':>8}")
    for name, line in lines.items():
        print(f"{name:<28}{line['count']:>7}{line['covered']:>7}{line['percent']:>8.1f}")
    return percent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    folder = Path(options.folder).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    programs = Path(options.programs).absolute()
    http, data = str(programs / "fuzz-http"), str(programs / "fuzz-data")
    program_of = {target: http if target.startswith("http") else data for target in [*TARGETS, "http1-planted"]}
    profiles, results, planted = [], {}, None
    share = sum(TARGETS[target] for target in options.targets)
    print(f"{'target':<16}{'executions':>12}{'a second':>10}{'edges':>8}{'inputs':>8}  result", flush=True)
    for target in options.targets + ["http1-planted"] * ("http1" in options.targets):
        is_planted = target == "http1-planted"
        unpack("http1" if is_planted else target, folder / target)
        seconds = PLANTED_SECONDS if is_planted else max(5, options.seconds * TARGETS[target] / share)
        profile = folder / f"{target}.profraw"
        result = run(program_of[target], target, folder, seconds, profile)
        outcome = f"stopped after {result['seconds']:.1f} s" if result["code"] else "nothing found"
        rate = result["executions"] / result["seconds"]
        print(f"{target:<16}{result['executions']:>12}{rate:>10.0f}{result['edges']:>8}{result['inputs']:>8}  {outcome}", flush=True)
        if is_planted:
            planted = result
            continue
        results[target] = result
        profiles += [profile] if target.startswith("http") else []
        if result["code"]:
            print(result["text"][-3000:])
    failures = sum(1 for result in results.values() if result["code"])
    figures = {f"{target}_executions": result["executions"] for target, result in results.items()} | {"failures": failures}
    targets, holds = {"failures": "= 0"}, failures == 0
    if planted:
        percent = print_coverage(http, options.tools, profiles)
        found = planted["seconds"] if planted["code"] else -1
        figures |= {"planted_bug_found_seconds": round(found, 1), "parser_lines_percent": round(percent, 1)}
        targets |= {"planted_bug_found_seconds": "0...60", "parser_lines_percent": ">= 95"}
        holds = holds and 0 <= found <= PLANTED_SECONDS and percent >= 95
    if options.keep:
        for target in results:
            keep(program_of[target], target, folder)
        tally(results)
    print("\nexecutions of all kept runs: " + ", ".join(f"{target} {count:,}" for target, count in sums().items()))
    print(json.dumps({"bench": "fuzz", "figures": figures, "targets": targets, "holds": holds}, separators=(",", ":")))
    sys.exit(0 if holds else 1)


main()
