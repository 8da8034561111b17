// knex with its own dialect for Redshift: schema builder, queries, batches, transactions, migrations' tables.
const makeKnex = require("knex");
const fs = require("fs");
const assert = require("assert");

const SCHEMA = process.env.CASE_SCHEMA;
const knex = makeKnex({
    client: "redshift",
    connection: {
        host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, password: process.env.PGPASSWORD,
        database: process.env.PGDATABASE, application_name: `listed_${SCHEMA}`,
        ssl: { ca: fs.readFileSync(process.env.SERVER_CERTIFICATE), checkServerIdentity: () => undefined },
    },
    searchPath: [SCHEMA, "public"],
    pool: { min: 0, max: 2 },
});

async function case_is_listed() {
    const [found] = (await knex.raw("select trim(application_name) as name from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'")).rows;
    assert.strictEqual(found.name, `listed_${SCHEMA}`);
}

async function case_makes_tables() {
    await knex.schema.createTable("venues", (table) => {
        table.increments("id");
        table.string("name", 100).notNullable().defaultTo("none");
        table.bigInteger("seats");
        table.decimal("price", 8, 2);
        table.boolean("open").defaultTo(true);
        table.timestamp("made");
        table.text("notes");
        table.json("extra");
        table.date("day");
        table.comment("Where events take place");
    });
    assert.strictEqual(await knex.schema.hasTable("venues"), true);
    assert.strictEqual(await knex.schema.hasTable("nowhere"), false);
    assert.strictEqual(await knex.schema.hasColumn("venues", "price"), true);
    await knex.schema.alterTable("venues", (table) => {
        table.string("city", 50);
        table.renameColumn("notes", "remarks");
        table.dropColumn("day");
    });
    const columns = await knex("venues").columnInfo();
    assert.deepStrictEqual([columns.name.type, columns.name.maxLength, columns.name.nullable], ["character varying", 100, false]);
    assert.deepStrictEqual(["city" in columns, "remarks" in columns, "day" in columns], [true, true, false]);
}

async function case_inserts_and_queries() {
    await knex("venues").insert([{ name: "it's", seats: 10, price: 1.5 }, { name: "other", seats: 20 }]);
    await knex.batchInsert("venues", Array.from({ length: 60 }, (_, n) => ({ name: `row ${n}`, seats: n })), 25);
    assert.deepStrictEqual(await knex("venues").where("seats", ">", 10).andWhere("name", "like", "o%").select("name", "seats"), [{ name: "other", seats: "20" }]);
    assert.strictEqual(await knex("venues").where({ name: "other" }).update({ price: 9.25 }), 1);
    const [sums] = await knex("venues").count("* as n").max("price as most");
    assert.deepStrictEqual(sums, { n: "62", most: "9.25" });
    assert.deepStrictEqual((await knex("venues as a").join("venues as b", "a.seats", "b.seats").where("a.name", "it's").orderBy("b.name").limit(1).offset(1).pluck("b.name")), ["row 10"]);
    assert.deepStrictEqual((await knex.with("w", knex("venues").select("seats")).from("w").max("seats as s"))[0].s, "59");
    assert.strictEqual(await knex("venues").where("name", "like", "row%").del(), 60);
    assert.deepStrictEqual(await knex("venues").distinct("open"), [{ open: true }]);
}

async function case_transactions() {
    await assert.rejects(knex.transaction(async (turn) => {
        await turn("venues").insert({ name: "undone" });
        throw new Error("undo");
    }), /undo/);
    await knex.transaction((turn) => turn("venues").insert({ name: "done" }));
    assert.deepStrictEqual(await knex("venues").whereIn("name", ["done", "undone"]).pluck("name"), ["done"]);
}

async function case_streams_and_truncates() {
    let seen = 0;
    for await (const row of knex("venues").select("name").stream()) seen += row.name ? 1 : 0;
    assert.strictEqual(seen, 3);
    await knex("venues").truncate();
    assert.deepStrictEqual(await knex("venues").first(), undefined);
    await knex.schema.renameTable("venues", "places");
    await knex.schema.dropTableIfExists("places");
    assert.strictEqual(await knex.schema.hasTable("places"), false);
}

async function main() {
    await knex.raw(`create schema ${SCHEMA}`);
    const all = [case_is_listed, case_makes_tables, case_inserts_and_queries, case_transactions, case_streams_and_truncates];
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
