// postgres.js: it prepares every statement, and looks the types of arrays up when it connects.
const postgres = require("postgres");
const fs = require("fs");
const { Readable } = require("stream");
const { pipeline } = require("stream/promises");
const assert = require("assert");

const SCHEMA = process.env.CASE_SCHEMA;
const TLS = { ca: fs.readFileSync(process.env.SERVER_CERTIFICATE), checkServerIdentity: () => undefined };
const GIVEN = {
    host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, password: process.env.PGPASSWORD,
    database: process.env.PGDATABASE, ssl: TLS, onnotice: () => undefined,
    connection: { application_name: `listed_${SCHEMA}`, search_path: SCHEMA },
};
const sql = postgres({ ...GIVEN, max: 2 });

async function case_is_listed() {
    const [found] = await sql`select trim(application_name) as name, trim(remotehost) as host, left(sslversion, 4) as tls from stl_connection_log
        where pid = pg_backend_pid() and event = 'initiating session'`;
    assert.deepStrictEqual({ ...found }, { name: `listed_${SCHEMA}`, host: "127.0.0.1", tls: "TLSv" });
}

async function case_parameters_of_every_type() {
    const at = new Date(Date.UTC(2024, 1, 29, 1, 2, 3));
    const [found] = await sql`select ${true}::boolean as a, ${1}::int as b, ${"1099511627776"}::bigint as c, ${1.5}::float8 as d,
        ${"12.345"}::numeric(8,3) as e, ${"it's \\n"}::varchar as f, ${at}::timestamptz as g, ${null}::int as h`;
    assert.deepStrictEqual({ ...found }, { a: true, b: 1, c: "1099511627776", d: 1.5, e: "12.345", f: "it's \\n", g: at, h: null });
}

async function case_values_and_lists() {
    await sql`create table many (n int, t varchar(20))`;
    const rows = Array.from({ length: 50 }, (_, n) => ({ n, t: `row ${n}` }));
    await sql`insert into many ${sql(rows, "n", "t")}`;
    await sql`update many set ${sql({ t: "changed" }, "t")} where n = ${3}`;
    assert.deepStrictEqual([...(await sql`select n, t from many where n in ${sql([2, 3])} order by n`)].map((row) => ({ ...row })), [
        { n: 2, t: "row 2" }, { n: 3, t: "changed" },
    ]);
    assert.strictEqual((await sql`delete from many where n < ${10}`).count, 10);
}

async function case_arrays_of_the_catalogs() {
    await sql`create table keyed (a int, b int, primary key (b, a))`;
    const [key] = await sql`select conkey from pg_constraint where conrelid = ${"keyed"}::regclass`;
    assert.deepStrictEqual(key.conkey, [2, 1]);
}

async function case_cursors() {
    const seen = [];
    for await (const rows of sql`select n from generate_series(1, 25) as g(n) order by n`.cursor(10)) seen.push(rows.length);
    assert.deepStrictEqual(seen, [10, 10, 5]);
}

async function case_transactions() {
    await sql`create table turns (a int)`;
    await assert.rejects(sql.begin(async (tx) => {
        await tx`insert into turns values (1)`;
        throw new Error("undo");
    }), /undo/);
    await sql.begin(async (tx) => {
        await tx`insert into turns values (2)`;
    });
    assert.deepStrictEqual((await sql`select a from turns`).map((row) => row.a), [2]);
    // Savepoints are what Redshift has not.
    await assert.rejects(sql.begin((tx) => tx.savepoint((inner) => inner`select 1`)), { code: "0A000" });
}

async function case_copy_both_ways() {
    await sql`create table copied (n int, t varchar(20))`;
    const writable = await sql`copy copied from stdin`.writable();
    await pipeline(Readable.from(["1\tone\n", "2\t\\N\n"]), writable);
    const parts = [];
    for await (const part of await sql`copy (select n, t from copied order by n) to stdout`.readable()) parts.push(part);
    assert.strictEqual(Buffer.concat(parts).toString(), "1\tone\n2\t\\N\n");
}

async function case_describe_unsafe_and_errors() {
    const told = await sql`select id_ as n from (select 1::int as id_) as s where id_ = ${1}`.describe();
    assert.deepStrictEqual([told.types, told.columns.map((column) => column.name)], [[23], ["n"]]);
    assert.deepStrictEqual((await sql.unsafe("select 1 as a; select 2 as b")).map((part) => ({ ...part[0] })), [{ a: 1 }, { b: 2 }]);
    await assert.rejects(sql`select * from nowhere`, { code: "42P01" });
}

async function case_cancel() {
    const query = sql`select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'`;
    setTimeout(() => query.cancel(), 400);
    await assert.rejects(query, { code: "57014" });
}

async function main() {
    const first = postgres({ ...GIVEN, connection: {}, max: 1 });
    await first.unsafe(`create schema ${SCHEMA}`);
    await first.end();
    const all = [
        case_is_listed, case_parameters_of_every_type, case_values_and_lists, case_arrays_of_the_catalogs, case_cursors,
        case_transactions, case_copy_both_ways, case_describe_unsafe_and_errors, case_cancel,
    ];
    for (const one of all) {
        let error = null;
        try {
            await one();
        } catch (raised) {
            error = String(raised.stack);
        }
        console.log(JSON.stringify({ case: one.name.slice(5), error }));
    }
    process.exit(0);
}

main();
