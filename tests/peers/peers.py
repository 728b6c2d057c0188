"""asyncpg and psycopg, as their users write them: `python peers.py TASK`.

The task is the JSON of task.rs; what was measured is printed as JSON, under the rules of meter.rs.
"""

import asyncio
import itertools
import json
import os
import resource
import sys
import time
from array import array
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from uuid import UUID

import asyncpg
import psycopg
import uvloop
from psycopg.types.json import JsonbBinaryDumper

# The rows, as tests/src/rows.rs makes them.

COLUMNS = ["id", "name", "email", "age", "active", "balance", "created_at", "uid", "profile", "tags"]
TYPES = ["int8", "text", "text", "int4", "bool", "float8", "timestamptz", "uuid", "jsonb", "text[]"]

NAMES = ["Ann Lee", "Bartholomew Featherstone", "Cleo Ng", "Dana Kowalczyk", "Éloïse de la Tour"]
CITIES = ["Oslo", "La Paz", "Nuku'alofa", "Ulaanbaatar"]
TAGS = ["new", "premium", "newsletter", "beta-tester"]
FIRST = datetime.fromtimestamp(1_700_000_000, timezone.utc)


def wide(n):
    """The `n`th wide row."""
    return (
        n + 1,
        f"{NAMES[n % 5]} {n}",
        f"person.number.{n}@example.org",
        n % 90,
        n % 3 != 0,
        n * 1.25 - 1000.0,
        FIRST + timedelta(seconds=n * 61, microseconds=n % 1_000_000),
        UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)),
        {
            "city": CITIES[n % 4],
            "settings": {"theme": "light" if n % 2 else "dark", "newsletter": n % 5 == 0, "logins": n * 7 % 10_000},
            "scores": [(n + i) * 31 % 1_000 for i in range(4)],
        },
        [TAGS[(n + i) % 4] for i in range(3)],
    )


def generated(task):
    """The rows of a load: a few hundred, again and again, so that making them costs nothing."""
    if task.way == "first":
        return map(wide, range(task.rows))
    return itertools.islice(itertools.cycle([wide(n) for n in range(256)]), task.rows)


def pick(operation, rows):
    """Which of `rows` an operation asks for."""
    return (operation * 0x9E3779B97F4A7C15 % (1 << 64) >> 33) % rows


# What is measured.


class Meter:
    """Wall time, processor time and resident memory from here to `stop`."""

    def __init__(self):
        self.resident = resident_now()
        self.cpu = processor()
        self.wall = time.perf_counter()

    def stop(self):
        wall = time.perf_counter() - self.wall
        cpu = processor() - self.cpu
        return {"wall_s": wall, "cpu_s": cpu, "added_rss_kib": float(status("VmHWM:") - self.resident)}


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_now():
    """What is resident now; the peak is counted from here on."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return status("VmRSS:")


def status(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


class Span:
    """So many seconds, after a tenth of them to warm up, in which operations are repeated."""

    def __init__(self, seconds):
        # Room for what is written down, made before it begins.
        self.nanos = array("Q", [1]) * int(seconds * 100_000)
        self.count = 0
        self.resident = resident_now()
        self.start = time.perf_counter_ns() + int(seconds * 1e8)
        self.end = self.start + int(seconds * 1e9)

    def operations(self):
        """Numbers the operations of one task; each lasts until the next one is asked for."""
        before, counted = None, False
        for n in itertools.count():
            now = time.perf_counter_ns()
            if before is not None and before >= self.start:
                self.nanos[self.count] = now - before
                self.count += 1
                counted = True
            # One is counted in any case.
            if now >= self.end and counted:
                return
            before = now
            yield n

    def sum(self):
        elapsed = (time.perf_counter_ns() - self.start) / 1e9
        added = float(status("VmHWM:") - self.resident)
        nanos = sorted(self.nanos[: self.count])

        def at(part):
            return nanos[(len(nanos) - 1) * part // 100] / 1e3

        latency = {"p50_us": at(50), "p99_us": at(99), "over_40_ms": float(sum(n > 40_000_000 for n in nanos))}
        return {"ops_per_s": len(nanos) / elapsed, **latency, "added_rss_kib": added}


def expect(found, wanted):
    if found != wanted:
        raise RuntimeError(f"{found} rows were read where {wanted} are stored")


def some(answer):
    if not answer:
        raise RuntimeError("no row was found")


def where(task):
    return dict(host=task.host, port=task.port, user=task.user, password=task.password)


# asyncpg.


async def set_codec(connection):
    """Documents as Python's objects. COPY is binary, so the codec is."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + json.dumps(value).encode(),
        decoder=lambda data: json.loads(data[1:].decode()),
    )


async def asyncpg_connect(task):
    connection = await asyncpg.connect(**where(task), database=task.database, ssl=False)
    await set_codec(connection)
    return connection


async def asyncpg_pool(task):
    size = dict(min_size=task.connections, max_size=task.connections)
    return await asyncpg.create_pool(**where(task), database=task.database, ssl=False, **size, init=set_codec)


async def asyncpg_copy_in(task):
    connection = await asyncpg_connect(task)
    meter = Meter()
    await connection.copy_records_to_table("wide", records=generated(task), columns=COLUMNS)
    return meter.stop()


async def asyncpg_copy_again(task):
    connection = await asyncpg_connect(task)
    rows = [wide(n) for n in range(task.rows)]
    span = Span(task.seconds)
    for _ in span.operations():
        await connection.copy_records_to_table("wide", records=rows, columns=COLUMNS)
    return span.sum()


async def asyncpg_executemany(task):
    connection = await asyncpg_connect(task)
    rows = [wide(n) for n in range(task.rows)]
    places = ", ".join(f"${n}" for n in range(1, 11))
    sql = f"INSERT INTO wide ({', '.join(COLUMNS)}) VALUES ({places})"
    span = Span(task.seconds)
    for _ in span.operations():
        await connection.executemany(sql, rows)
    return span.sum()


# Rows that are fetched at once. More of them are no faster, in either library.
PREFETCH = 1000


async def asyncpg_read(task):
    connection = await asyncpg_connect(task)
    count = 0
    meter = Meter()
    async with connection.transaction():
        async for _ in connection.cursor(task.sql, prefetch=PREFETCH):
            count += 1
    metrics = meter.stop()
    expect(count, task.rows)
    return metrics


async def asyncpg_point(task):
    connection = await asyncpg_connect(task)
    statement = await connection.prepare(task.sql)
    span = Span(task.seconds)
    for n in span.operations():
        some(await statement.fetchrow(pick(n, task.rows) + 1))
    return span.sum()


async def asyncpg_in_pool(task):
    pool = await asyncpg_pool(task)
    # Each connection has the statement before the span begins.
    connections = [await pool.acquire() for _ in range(task.connections)]
    for connection in connections:
        await connection.fetchrow(task.sql, 1)
    for connection in connections:
        await pool.release(connection)
    span = Span(task.seconds)

    async def one(number):
        for n in span.operations():
            some(await pool.fetchrow(task.sql, pick(number << 32 | n, task.rows) + 1))

    await asyncio.gather(*(one(number) for number in range(task.tasks)))
    return span.sum()


async def asyncpg_question(task):
    argument = {"json_path": str, "contains": lambda wanted: {"scores": [wanted]}, "join": int}[task.work]
    connection = await asyncpg_connect(task)
    statement = await connection.prepare(task.sql)
    span = Span(task.seconds)
    for n in span.operations():
        some(await statement.fetch(argument(pick(n, task.rows))))
    return span.sum()


async def asyncpg_early_stop(task):
    pool = await asyncpg_pool(task)
    async with pool.acquire() as connection, connection.transaction():
        rows = aiter(connection.cursor(task.sql, prefetch=PREFETCH))
        for _ in range(10):
            await anext(rows)
        start = time.perf_counter()
    await pool.execute("SELECT 1")
    return {"next_ms": (time.perf_counter() - start) * 1e3}


# psycopg.


async def psycopg_connect(task):
    options = dict(dbname=task.database, sslmode="disable", autocommit=True)
    connection = await psycopg.AsyncConnection.connect(**where(task), **options)
    connection.adapters.register_dumper(dict, JsonbBinaryDumper)
    return connection


async def psycopg_copy_in(task):
    connection = await psycopg_connect(task)
    meter = Meter()
    async with connection.cursor() as cursor:
        async with cursor.copy(f"COPY wide ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(TYPES)
            for row in generated(task):
                await copy.write_row(row)
    return meter.stop()


async def psycopg_executemany(task):
    connection = await psycopg_connect(task)
    rows = [wide(n) for n in range(task.rows)]
    sql = f"INSERT INTO wide ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * 10)})"
    cursor = connection.cursor()
    span = Span(task.seconds)
    for _ in span.operations():
        async with connection.transaction():
            await cursor.executemany(sql, rows)
    return span.sum()


async def psycopg_read(task):
    connection = await psycopg_connect(task)
    # Faster than a cursor of the server's.
    cursor = connection.cursor(binary=True)
    count = 0
    meter = Meter()
    async for _ in cursor.stream(task.sql, size=PREFETCH):
        count += 1
    metrics = meter.stop()
    expect(count, task.rows)
    return metrics


async def psycopg_point(task):
    connection = await psycopg_connect(task)
    cursor = connection.cursor(binary=True)
    sql = task.sql.replace("%", "%%").replace("$1", "%s")
    span = Span(task.seconds)
    for n in span.operations():
        await cursor.execute(sql, [pick(n, task.rows) + 1], prepare=True)
        some(await cursor.fetchone())
    return span.sum()


WAYS = {
    ("asyncpg", "copy_in", ""): asyncpg_copy_in,
    ("asyncpg", "copy_in", "first"): asyncpg_copy_in,
    ("asyncpg", "insert", ""): asyncpg_copy_again,
    ("asyncpg", "insert", "executemany"): asyncpg_executemany,
    ("asyncpg", "read", ""): asyncpg_read,
    ("asyncpg", "point", ""): asyncpg_point,
    ("asyncpg", "pool", ""): asyncpg_in_pool,
    ("asyncpg", "json_path", ""): asyncpg_question,
    ("asyncpg", "contains", ""): asyncpg_question,
    ("asyncpg", "join", ""): asyncpg_question,
    ("asyncpg", "early_stop", ""): asyncpg_early_stop,
    ("psycopg", "copy_in", ""): psycopg_copy_in,
    ("psycopg", "copy_in", "first"): psycopg_copy_in,
    ("psycopg", "insert", "executemany"): psycopg_executemany,
    ("psycopg", "read", ""): psycopg_read,
    ("psycopg", "point", ""): psycopg_point,
}


def main():
    task = SimpleNamespace(**json.loads(sys.argv[1]))
    run = WAYS.get((task.library, task.work, task.way))
    if run is None or (task.connections > 1 and task.work != "pool"):
        way = f"the way {task.way!r} over {task.connections} connections"
        sys.exit(f"{task.library} does not do {task.work} in {way}")
    if task.processor is not None:
        os.sched_setaffinity(0, {task.processor})
    start = uvloop.run if task.library == "asyncpg" else asyncio.run
    print(json.dumps(start(run(task))))


if __name__ == "__main__":
    main()
