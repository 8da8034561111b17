// Sequelize, TypeORM and Kysely over node-postgres: models made, synchronised, queried, changed; transactions.
const fs = require("fs");
const assert = require("assert");
const { Client, Pool } = require("pg");

const SCHEMA = process.env.CASE_SCHEMA;
const TLS = { ca: fs.readFileSync(process.env.SERVER_CERTIFICATE), checkServerIdentity: () => undefined };
const PLACE = { host: process.env.PGHOST, port: Number(process.env.PGPORT), database: process.env.PGDATABASE };
const USER = process.env.PGUSER, PASSWORD = process.env.PGPASSWORD;
const db = new Client({ ssl: TLS });

async function ask(text, values) {
    return (await db.query(text, values)).rows;
}

async function listed(name) {
    const [found] = await ask("select count(*) > 0 as there, max(left(sslversion, 4)) as tls from stl_connection_log where application_name = $1 and event = 'initiating session'", [name]);
    assert.deepStrictEqual(found, { there: true, tls: "TLSv" });
}

async function case_kysely() {
    const { Kysely, PostgresDialect, sql } = require("kysely");
    const kysely = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ ssl: TLS, application_name: "kysely", max: 2 }) }) }).withSchema(SCHEMA);
    try {
        await kysely.schema.createTable("people").addColumn("id", "integer", (column) => column.primaryKey()).addColumn("name", "varchar(30)", (column) => column.notNull()).addColumn("born", "timestamp").execute();
        await kysely.schema.alterTable("people").addColumn("city", "varchar(20)").execute();
        await kysely.insertInto("people").values([{ id: 1, name: "it's", city: "Oslo" }, { id: 2, name: "two", born: new Date(Date.UTC(2000, 1, 29)) }, { id: 3, name: "three", city: "Oslo" }]).execute();
        const done = await kysely.updateTable("people").set({ city: "Rome" }).where("id", "=", 2).executeTakeFirst();
        assert.strictEqual(done.numUpdatedRows, 1n);
        const found = await kysely.selectFrom("people as p").select(["p.city", ({ fn }) => fn.countAll().as("n")]).groupBy("p.city").having(({ fn }) => fn.countAll(), ">", 0).orderBy("p.city").execute();
        assert.deepStrictEqual(found, [{ city: "Oslo", n: "2" }, { city: "Rome", n: "1" }]);
        const joined = await kysely.with("o", (own) => own.selectFrom("people").selectAll().where("city", "=", "Oslo")).selectFrom("people").innerJoin("o", "o.id", "people.id").select(["people.id", sql`upper(people.name)`.as("loud")]).where("people.name", "like", "it%").execute();
        assert.deepStrictEqual(joined, [{ id: 1, loud: "IT'S" }]);
        await assert.rejects(kysely.transaction().execute(async (own) => { await own.deleteFrom("people").execute(); throw new Error("no"); }), /no/);
        const rest = await kysely.selectFrom("people").selectAll().where("id", "in", [1, 2]).orderBy("id", "desc").limit(1).offset(1).execute();
        assert.deepStrictEqual(rest, [{ id: 1, name: "it's", born: null, city: "Oslo" }]);
        const tables = await kysely.introspection.getTables();
        const people = tables.find((table) => table.schema === SCHEMA && table.name === "people");
        assert.deepStrictEqual(people.columns.map((column) => [column.name, column.dataType, column.isNullable]), [["id", "int4", false], ["name", "varchar", false], ["born", "timestamp", true], ["city", "varchar", true]]);
        await listed("kysely");
    } finally {
        await kysely.destroy();
    }
}

async function case_sequelize() {
    const { Sequelize, DataTypes, Op } = require("sequelize");
    const sequelize = new Sequelize(PLACE.database, USER, PASSWORD, { ...PLACE, dialect: "postgres", schema: SCHEMA, logging: false, dialectOptions: { ssl: TLS, application_name: "sequelize", options: "-c enable_case_sensitive_identifier=true" }, keepDefaultTimezone: true, standardConformingStrings: false });
    try {
        await sequelize.authenticate();
        const Person = sequelize.define("person", { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.STRING(30), price: DataTypes.DECIMAL(8, 2), born: DataTypes.DATEONLY, ok: DataTypes.BOOLEAN }, { tableName: "persons", timestamps: false });
        const Pet = sequelize.define("pet", { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.STRING, person_id: DataTypes.INTEGER }, { timestamps: false });
        Person.hasMany(Pet, { constraints: false, foreignKey: "person_id" });
        Pet.belongsTo(Person, { constraints: false, foreignKey: "person_id" });
        const hand = sequelize.getQueryInterface();
        await hand.createTable({ tableName: "persons", schema: SCHEMA }, Person.getAttributes());
        await hand.createTable({ tableName: "pets", schema: SCHEMA }, Pet.getAttributes());
        await hand.addColumn({ tableName: "pets", schema: SCHEMA }, "kind", DataTypes.STRING(10));
        await sequelize.getQueryInterface().bulkInsert({ tableName: "persons", schema: SCHEMA }, [{ id: 1, name: "it's", price: 1.25, ok: true }, { id: 2, name: "two", born: "2000-02-29", ok: false }]);
        await Person.bulkCreate([{ id: 3, name: "three" }], { returning: false });
        await Pet.create({ id: 1, name: "Rex", person_id: 1 }, { returning: false });
        assert.strictEqual(await Person.count({ where: { [Op.or]: [{ name: { [Op.like]: "t%" } }, { ok: true }] } }), 3);
        const found = await Person.findOne({ where: { id: 1 }, include: Pet });
        assert.deepStrictEqual([found.name, found.price, found.pets.map((pet) => pet.name)], ["it's", "1.25", ["Rex"]]);
        assert.deepStrictEqual(await Person.update({ price: 9 }, { where: { id: { [Op.gt]: 1 } } }), [2]);
        assert.strictEqual(Number(await Person.sum("price")), 19.25);
        await assert.rejects(sequelize.transaction(async (transaction) => { await Person.destroy({ where: {}, transaction }); throw new Error("no"); }), /no/);
        assert.strictEqual((await Person.findAll({ order: [["id", "DESC"]], limit: 2 })).length, 2);
        const rows = await sequelize.query("select name from persons where id = :id", { replacements: { id: 2 }, type: "SELECT" }).catch((error) => error);
        assert.ok(rows instanceof Error && rows.parent.code === "42P01");
        assert.deepStrictEqual(await sequelize.query(`select name from ${SCHEMA}.persons where id = $id`, { bind: { id: 2 }, type: "SELECT" }), [{ name: "two" }]);
        const told = await sequelize.getQueryInterface().describeTable("persons", { schema: SCHEMA });
        assert.deepStrictEqual(Object.entries(told).map(([name, one]) => [name, one.type, one.primaryKey]).sort(), [["born", "DATE", false], ["id", "INTEGER", true], ["name", "CHARACTER VARYING(30)", false], ["ok", "BOOLEAN", false], ["price", "NUMERIC", false]]);
        await listed("sequelize");
    } finally {
        await sequelize.close();
    }
}

async function case_typeorm() {
    const { DataSource, EntitySchema, In, MoreThan } = require("typeorm");
    const Order = new EntitySchema({ name: "Order", tableName: "orders", columns: { id: { type: "int", primary: true }, name: { type: "varchar", length: 30, nullable: true }, price: { type: "numeric", precision: 8, scale: 2, nullable: true } } });
    const source = new DataSource({ type: "postgres", ...PLACE, username: USER, password: PASSWORD, schema: SCHEMA, entities: [Order], ssl: TLS, applicationName: "typeorm", installExtensions: false, extra: { options: "-c enable_case_sensitive_identifier=true" } });
    await source.initialize();
    try {
        await source.query(`create table ${SCHEMA}.orders (id int primary key, name varchar(30), price decimal(8,2))`);
        const orders = source.getRepository("Order");
        await orders.createQueryBuilder().insert().values([{ id: 1, name: "it's", price: 1.25 }, { id: 2, name: "two", price: 2 }, { id: 3, name: null, price: 3 }]).returning([]).execute();
        assert.strictEqual(await orders.count({ where: { price: MoreThan(1.5) } }), 2);
        assert.deepStrictEqual((await orders.find({ where: { id: In([1, 2]) }, order: { id: "DESC" }, take: 1, skip: 1 })).map((one) => ({ ...one })), [{ id: 1, name: "it's", price: "1.25" }]);
        await orders.update({ id: 2 }, { name: "changed" });
        const loud = await orders.createQueryBuilder("o").select("upper(o.name)", "loud").addSelect("sum(o.price)", "total").where("o.id < :top", { top: 3 }).groupBy("1").orderBy("1").getRawMany();
        assert.deepStrictEqual(loud, [{ loud: "CHANGED", total: "2.00" }, { loud: "IT'S", total: "1.25" }]);
        await assert.rejects(source.transaction(async (own) => { await own.getRepository("Order").delete({ id: 1 }); throw new Error("no"); }), /no/);
        assert.strictEqual(await orders.count(), 3);
        await orders.delete({ id: 3 });
        assert.strictEqual(await orders.count(), 2);
        const runner = source.createQueryRunner();
        assert.strictEqual(await runner.hasTable(`${SCHEMA}.orders`), true);
        assert.strictEqual(await runner.hasColumn(`${SCHEMA}.orders`, "price"), true);
        await runner.release();
        await listed("typeorm");
    } finally {
        await source.destroy();
    }
}

async function main() {
    await db.connect();
    await db.query(`create schema ${SCHEMA}`);
    await db.query(`set search_path to ${SCHEMA}`);
    for (const one of [case_kysely, case_sequelize, case_typeorm]) {
        let error = null;
        try {
            await one();
        } catch (raised) {
            error = String(raised.stack) + (raised.sql ? `\n${raised.sql}` : "") + (raised.query ? `\n${raised.query}` : "");
        }
        console.log(JSON.stringify({ case: one.name.slice(5), error }));
    }
    process.exit(0);
}

main();
