"""How fast, how lean and how linear the COTAHIST parser is, on a made year read from its ZIP.

    .venv/bin/python -m tests.benchmarks.bench_cotahist [records]

Each size is parsed in a process of its own, whose peak memory is reported; the plain Python loop is run on the quarter.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

RECORDS = 2_600_000
TARGET_RATE = 400_000
TARGET_MB = 400


def parse_once(path: str) -> dict[str, float]:
    from engine.ingestion.cotahist import parse
    from engine.ingestion.files import open_files
    from engine.ingestion.table import ImportOptions

    start = time.perf_counter()
    parsed = parse(open_files(Path(path), 4 << 30)[0], ImportOptions())
    seconds = time.perf_counter() - start
    assert not parsed.rejected, parsed.rejected[:3]
    return {"records": parsed.rows, "kept": len(parsed.table), "seconds": seconds}


def slice_once(path: str) -> dict[str, float]:
    """The same work as a plain loop: one slice and one conversion per field of each cash record."""
    start = time.perf_counter()
    rows, kept = 0, []
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
        for line in stream:
            rows += line[:2] == b"01"
            if line[24:27] == b"010":
                scale = 100 * int(line[210:217])
                prices = [int(line[at : at + 13]) / scale for at in (56, 69, 82, 108)]
                kept.append((line[12:24].decode().strip(), line[2:10], *prices, int(line[152:170]), int(line[170:188]) / 100))
    return {"records": rows, "kept": len(kept), "seconds": time.perf_counter() - start}


def in_process(task: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_cotahist", task, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main(records: int) -> int:
    from tests.ingestion.cotahist_maker import year_zip

    rates = {}
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for part in (4, 2, 1):
            path = Path(folder) / f"COTAHIST_A{part}.ZIP"
            year_zip(path, records // part)
            with zipfile.ZipFile(path) as archive:
                info = archive.infolist()[0]
            result = in_process("parse", path)
            rates[part] = result["records"] / result["seconds"]
            peak = result["peak_mb"]
            print(
                f"{result['records']:>9,} records ({result['kept']:,} cash, {info.file_size / 1e6:.0f} MB, ZIP ratio "
                f"{info.file_size / info.compress_size:.1f}): {result['seconds']:.2f} s, {rates[part]:,.0f} records/s, "
                f"peak {peak:.0f} MB"
            )
            if part == 4:
                loop = in_process("slice", path)
                print(f"{'':>9} plain Python loop on the same file: {loop['seconds']:.2f} s, "
                      f"{loop['seconds'] / result['seconds']:.1f} times as long, peak {loop['peak_mb']:.0f} MB")  # fmt: skip
            path.unlink()
    print(f"time per record, full size against a quarter: {rates[4] / rates[1]:.2f}")
    held = rates[1] >= TARGET_RATE and peak < TARGET_MB
    print(f"target (>= {TARGET_RATE:,} records/s, < {TARGET_MB} MB): {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measured = {"parse": parse_once, "slice": slice_once}[sys.argv[1]](sys.argv[2])
        print(json.dumps(measured | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    else:
        raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS))
