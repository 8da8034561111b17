// node-postgres with its cursor, stream and COPY packages.
const { Client, Pool } = require("pg");
const Cursor = require("pg-cursor");
const QueryStream = require("pg-query-stream");
const copy = require("pg-copy-streams");
const fs = require("fs");
const { pipeline } = require("stream/promises");
const { Readable } = require("stream");
const assert = require("assert");

const SCHEMA = process.env.CASE_SCHEMA;
const TLS = { ca: fs.readFileSync(process.env.SERVER_CERTIFICATE), checkServerIdentity: () => undefined };
const db = new Client({ ssl: TLS, application_name: `listed_${SCHEMA}` });

async function ask(text, values) {
    return (await db.query(text, values)).rows;
}

async function case_is_listed() {
    const found = await ask(
        "select count(*) as n, max(trim(remotehost)) as host, max(trim(authmethod)) as method, max(left(sslversion, 4)) as tls, " +
        "(select count(*) from stv_sessions where process = pg_backend_pid()) as here from stl_connection_log " +
        "where application_name = $1 and event = 'initiating session' and pid = pg_backend_pid()", [`listed_${SCHEMA}`]);
    assert.deepStrictEqual(found, [{ n: "1", host: "127.0.0.1", method: "password", tls: "TLSv", here: "1" }]);
}

async function case_parameters_of_every_type() {
    const at = new Date(Date.UTC(2024, 1, 29, 1, 2, 3));
    const found = await ask(
        "select $1::boolean as a, $2::int as b, $3::bigint as c, $4::float8 as d, $5::numeric(8,3) as e, $6::varchar as f, $7::timestamptz as g, $8::int as h",
        [true, 1, "1099511627776", 1.5, "12.345", "it's \\n 漢", at, null]);
    assert.deepStrictEqual(found, [{ a: true, b: 1, c: "1099511627776", d: 1.5, e: "12.345", f: "it's \\n 漢", g: at, h: null }]);
}

async function case_untyped_parameters() {
    await db.query("create table untyped (n int, name varchar(20), at date)");
    await db.query("insert into untyped values ($1, $2, $3)", [1, "a", "2024-02-29"]);
    assert.deepStrictEqual(await ask("select n, name from untyped where n = $1 and name like $2", ["1", "%a%"]), [{ n: 1, name: "a" }]);
}

async function case_named_statements() {
    for (let n = 0; n < 5; n++) {
        const found = await db.query({ name: "Doubled", text: "select $1::int * 2 as twice", values: [n] });
        assert.strictEqual(found.rows[0].twice, n * 2);
    }
}

async function case_array_rows_and_fields() {
    const found = await db.query({ text: "select 1::int2 as a, 'x'::varchar(7) as b", rowMode: "array" });
    assert.deepStrictEqual(found.rows, [[1, "x"]]);
    assert.deepStrictEqual(found.fields.map((field) => [field.name, field.dataTypeID]), [["a", 21], ["b", 1043]]);
    assert.strictEqual(found.rowCount, 1);
}

async function case_several_statements_at_once() {
    const found = await db.query("select 1 as a; select 2 as b");
    assert.deepStrictEqual(found.map((one) => one.rows), [[{ a: 1 }], [{ b: 2 }]]);
}

async function case_cursors() {
    const cursor = db.query(new Cursor("select n from generate_series(1, 100) as g(n) order by n"));
    assert.deepStrictEqual((await cursor.read(3)).map((row) => row.n), [1, 2, 3]);
    assert.strictEqual((await cursor.read(500)).length, 97);
    assert.strictEqual((await cursor.read(1)).length, 0);
    await cursor.close();
}

async function case_streams() {
    let sum = 0;
    for await (const row of db.query(new QueryStream("select n from generate_series(1, $1) as g(n)", [5000], { batchSize: 500 }))) sum += Number(row.n);
    assert.strictEqual(sum, 12502500);
}

async function case_copy_both_ways() {
    await db.query("create table copied (n int, name varchar(20))");
    await pipeline(Readable.from(['1,"a, b"\n', "2,\n"]), db.query(copy.from("copy copied from stdin csv")));
    let out = "";
    for await (const piece of db.query(copy.to("copy (select * from copied order by n) to stdout csv"))) out += piece;
    assert.strictEqual(out, '1,"a, b"\n2,\n');
}

async function case_errors_carry_their_fields() {
    await assert.rejects(db.query("select * from nowhere"), { code: "42P01", severity: "ERROR" });
    assert.deepStrictEqual(await ask("select 1 as a"), [{ a: 1 }]);
}

async function case_transactions() {
    await db.query("create table moved (a int)");
    await db.query("begin");
    await db.query("insert into moved values (1)");
    await assert.rejects(db.query("select 1/0"), { code: "22012" });
    await assert.rejects(db.query("select 1"), { code: "25P02" });
    await db.query("rollback");
    assert.deepStrictEqual(await ask("select count(*) as n from moved"), [{ n: "0" }]);
}

async function case_pools() {
    const pool = new Pool({ ssl: TLS, max: 3 });
    const found = await Promise.all([...Array(12).keys()].map((n) => pool.query("select $1::int as n", [n])));
    assert.strictEqual(found.reduce((sum, one) => sum + one.rows[0].n, 0), 66);
    await pool.end();
}

async function case_statement_timeouts() {
    const made = new Client({ ssl: TLS, statement_timeout: 700 });
    await made.connect();
    await assert.rejects(made.query("select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'"), { code: "57014" });
    await made.end();
}

async function case_notices() {
    const said = [];
    db.on("notice", (notice) => said.push(notice.message));
    await db.query("drop table if exists never_there");
    assert.ok(said.some((text) => text.includes("never_there")), said);
}

async function case_calls_and_super() {
    await db.query("create procedure doubled(a inout int) as $$ begin a := a * 2; end $$ language plpgsql");
    assert.deepStrictEqual(await ask("call doubled($1)", [21]), [{ a: 42 }]);
    assert.deepStrictEqual(await ask("select json_parse($1) as s", ['{"a":[1]}']), [{ s: '{"a":[1]}' }]);
}

async function case_wrong_passwords() {
    const made = new Client({ ssl: TLS, password: "not this" });
    await assert.rejects(made.connect(), { code: "28P01" });
}

async function main() {
    await db.connect();
    await db.query(`create schema ${SCHEMA}`);
    await db.query(`set search_path to ${SCHEMA}`);
    const all = [
        case_is_listed, case_parameters_of_every_type, case_untyped_parameters, case_named_statements, case_array_rows_and_fields,
        case_several_statements_at_once, case_cursors, case_streams, case_copy_both_ways, case_errors_carry_their_fields,
        case_transactions, case_pools, case_statement_timeouts, case_notices, case_calls_and_super, case_wrong_passwords,
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
