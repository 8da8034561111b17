// Go's pgx, which sends and takes values in binary, and lib/pq by database/sql.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
	_ "github.com/jackc/pgx/v4/stdlib"
	"github.com/lib/pq"
)

const slow = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'"

var (
	schema = os.Getenv("CASE_SCHEMA")
	ctx    = context.Background()
	db     *pgx.Conn
)

func place(more string) string {
	return fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s sslmode=verify-ca sslrootcert=%s %s", os.Getenv("PGHOST"), os.Getenv("PGPORT"), os.Getenv("PGUSER"), os.Getenv("PGPASSWORD"), os.Getenv("PGDATABASE"), os.Getenv("SERVER_CERTIFICATE"), more)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func same(found, wanted interface{}) {
	if !reflect.DeepEqual(found, wanted) {
		panic(fmt.Sprintf("found %#v, not %#v", found, wanted))
	}
}

func run(text string, values ...interface{}) int64 {
	done, err := db.Exec(ctx, text, values...)
	must(err)
	return done.RowsAffected()
}

func rows(text string, values ...interface{}) [][]interface{} {
	found := [][]interface{}{}
	asked, err := db.Query(ctx, text, values...)
	must(err)
	for asked.Next() {
		one, err := asked.Values()
		must(err)
		found = append(found, one)
	}
	must(asked.Err())
	return found
}

func refused(err error, state string) string {
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		panic(fmt.Sprintf("no error of the server's: %v", err))
	}
	same(told.Code, state)
	return told.Message
}

func case_is_listed() {
	same(rows("select trim(application_name), trim(remotehost), trim(authmethod), left(sslversion, 4), (select count(*) from stv_sessions where process = pg_backend_pid()) from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'"),
		[][]interface{}{{"listed_" + schema, "127.0.0.1", "password", "TLSv", int64(1)}})
}

func case_parameters_of_every_type() {
	moment := time.Date(2024, 2, 29, 1, 2, 3, 500000000, time.UTC)
	var a bool
	var b int16
	var c int32
	var d int64
	var e float32
	var f float64
	var g pgtype.Numeric
	var h string
	var i, j, k time.Time
	var l pgtype.Time
	var m *int
	given := pgtype.Numeric{}
	must(given.Set("-12.345"))
	at := pgtype.Time{Microseconds: 3723000001, Status: pgtype.Present}
	must(db.QueryRow(ctx, "select $1::boolean, $2::smallint, $3::int, $4::bigint, $5::real, $6::float8, $7::numeric(8,3), $8::varchar, $9::timestamp, $10::timestamptz, $11::date, $12::time, $13::int",
		true, 7, 70000, int64(1)<<40, float32(1.5), -2.25, given, "it's \\n 漢", moment, moment, moment.Truncate(24*time.Hour), at, nil).Scan(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l, &m))
	same([]interface{}{a, b, c, d, e, f, h, i.UTC(), j.UTC(), k.Format("2006-01-02"), l.Microseconds, m},
		[]interface{}{true, int16(7), int32(70000), int64(1) << 40, float32(1.5), -2.25, "it's \\n 漢", moment, moment, "2024-02-29", int64(3723000001), (*int)(nil)})
	var text string
	must(g.AssignTo(&f))
	same(f, -12.345)
	must(db.QueryRow(ctx, "select $1::numeric(38,10)::varchar", given).Scan(&text))
	same(text, "-12.3450000000")
}

func case_values_of_types_it_does_not_know() {
	found := rows("select json_parse('{\"a\": [1]}') as s, 'ab'::varbyte as b, 1.5::numeric(8,2) as n, current_schemas(false) as l")
	same(found[0][0], `{"a":[1]}`)
}

func case_simple_protocol() {
	config, err := pgx.ParseConfig(place(""))
	must(err)
	config.PreferSimpleProtocol = true
	made, err := pgx.ConnectConfig(ctx, config)
	if err == nil {
		var n int
		var t string
		err = made.QueryRow(ctx, "select $1::int * 2, $2::varchar", 21, "it's").Scan(&n, &t)
		defer made.Close(ctx)
		if err == nil {
			same([]interface{}{n, t}, []interface{}{42, "it's"})
		}
	}
	// pgx quotes only for servers that take a backslash as it is, which Redshift does not.
	if err != nil && !strings.Contains(err.Error(), "standard_conforming_strings") {
		panic(err)
	}
}

func case_rows_written_and_read() {
	run("create table written (n int, name varchar(20), price decimal(8,2), at timestamp)")
	for n := 0; n < 50; n++ {
		same(run("insert into written values ($1, $2, $3, $4)", n, fmt.Sprintf("it's %d", n), fmt.Sprintf("%d.25", n), time.Date(2024, 1, 1, 0, 0, n, 0, time.UTC)), int64(1))
	}
	same(rows("select count(*), sum(n), sum(price)::float8, max(at)::varchar from written"), [][]interface{}{{int64(50), int64(1225), 1237.5, "2024-01-01 00:00:49"}})
	same(rows("select name from written where n = $1 or name = $2 order by n", 3, "it's 4"), [][]interface{}{{"it's 3"}, {"it's 4"}})
	same(run("update written set name = $1 where n < $2", "x", 10), int64(10))
	same(run("delete from written where n = any(array[$1::int])", 3), int64(1))
}

func case_prepared_statements() {
	told, err := db.Prepare(ctx, "twice", "select $1::int * 2 as n")
	must(err)
	same([]interface{}{told.ParamOIDs, string(told.Fields[0].Name), told.Fields[0].DataTypeOID}, []interface{}{[]uint32{23}, "n", uint32(23)})
	for n := 0; n < 5; n++ {
		same(rows("twice", n), [][]interface{}{{int32(n * 2)}})
	}
	must(db.Deallocate(ctx, "twice"))
}

func case_batches() {
	batch := &pgx.Batch{}
	run("create table batched (n int)")
	for n := 0; n < 20; n++ {
		batch.Queue("insert into batched values ($1)", n)
	}
	batch.Queue("select sum(n) from batched")
	results := db.SendBatch(ctx, batch)
	for n := 0; n < 20; n++ {
		_, err := results.Exec()
		must(err)
	}
	var sum int64
	must(results.QueryRow().Scan(&sum))
	must(results.Close())
	same(sum, int64(190))
	broken := &pgx.Batch{}
	broken.Queue("insert into batched values ($1)", 100)
	broken.Queue("select 1/$1::int", 0)
	results = db.SendBatch(ctx, broken)
	_, err := results.Exec()
	must(err)
	_, err = results.Exec()
	refused(err, "22012")
	results.Close()
}

func case_copy_from() {
	run("create table copied (n int, name varchar(20), price float8)")
	given := [][]interface{}{}
	for n := 0; n < 300; n++ {
		given = append(given, []interface{}{int32(n), fmt.Sprintf("name %d", n), float64(n) / 4})
	}
	done, err := db.CopyFrom(ctx, pgx.Identifier{schema, "copied"}, []string{"n", "name", "price"}, pgx.CopyFromRows(given))
	must(err)
	same(done, int64(300))
	same(rows("select count(*), sum(n), sum(price), max(name) from copied"), [][]interface{}{{int64(300), int64(44850), 11212.5, "name 99"}})
	out := &strings.Builder{}
	_, err = db.PgConn().CopyTo(ctx, out, "copy (select n, name from copied where n < 2 order by n) to stdout csv")
	must(err)
	same(out.String(), "0,name 0\n1,name 1\n")
}

func case_transactions() {
	run("create table moved (a int)")
	one, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite})
	must(err)
	_, err = one.Exec(ctx, "insert into moved values ($1)", 1)
	must(err)
	_, err = one.Exec(ctx, "select 1/$1::int", 0)
	refused(err, "22012")
	_, err = one.Exec(ctx, "select 1")
	refused(err, "25P02")
	must(one.Rollback(ctx))
	must(db.BeginFunc(ctx, func(own pgx.Tx) error { _, err := own.Exec(ctx, "insert into moved values (2)"); return err }))
	same(rows("select a from moved"), [][]interface{}{{int32(2)}})
}

func case_errors_carry_their_fields() {
	_, err := db.Exec(ctx, "select * from nowhere")
	same(refused(err, "42P01"), `relation "nowhere" does not exist`)
	_, err = db.Exec(ctx, "select nothing from pg_class where relname = $1", "x")
	refused(err, "42703")
	same(rows("select 1"), [][]interface{}{{int32(1)}})
}

func case_cancel_and_timeouts() {
	made, err := pgx.Connect(ctx, place("statement_timeout=400"))
	must(err)
	_, err = made.Exec(ctx, slow)
	refused(err, "57014")
	must(made.Close(ctx))
	short, stop := context.WithTimeout(ctx, 400*time.Millisecond)
	defer stop()
	made, err = pgx.Connect(ctx, place("application_name=left_"+schema))
	must(err)
	_, err = made.Exec(short, slow)
	same(errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "timeout"), true)
	// It closes the connection and asks the server to end the query.
	for n := 0; n < 100; n++ {
		if rows("select count(*) from stv_sessions s join stl_connection_log l on l.pid = s.process where l.application_name = $1 and l.event = 'initiating session'", "left_"+schema)[0][0] == int64(0) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	panic("the session goes on")
}

func case_pools() {
	pool, err := pgxpool.Connect(ctx, place("pool_max_conns=3"))
	must(err)
	defer pool.Close()
	answers := make(chan int)
	for n := 0; n < 12; n++ {
		go func(n int) {
			var found int
			must(pool.QueryRow(ctx, "select $1::int", n).Scan(&found))
			answers <- found
		}(n)
	}
	sum := 0
	for n := 0; n < 12; n++ {
		sum += <-answers
	}
	same(sum, 66)
}

func case_database_sql() {
	for _, driver := range []string{"pgx", "postgres"} {
		made, err := sql.Open(driver, place("search_path="+schema))
		must(err)
		made.SetMaxOpenConns(1)
		must(made.Ping())
		var n int
		var t sql.NullString
		var at time.Time
		must(made.QueryRow("select $1::int * 2, $2::varchar, $3::timestamp", 21, nil, time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)).Scan(&n, &t, &at))
		same([]interface{}{n, t.Valid, at.UTC()}, []interface{}{42, false, time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)})
		_, err = made.Exec("create table if not exists by_sql (n int, t varchar(20))")
		must(err)
		put, err := made.Prepare("insert into by_sql values ($1, $2)")
		must(err)
		for n := 0; n < 3; n++ {
			_, err = put.Exec(n, "it's")
			must(err)
		}
		must(put.Close())
		tx, err := made.Begin()
		must(err)
		_, err = tx.Exec("delete from by_sql")
		must(err)
		must(tx.Rollback())
		kinds, err := made.Query("select n, t from by_sql limit 1")
		must(err)
		told, err := kinds.ColumnTypes()
		must(err)
		same([]string{told[0].DatabaseTypeName(), told[1].DatabaseTypeName()}, []string{"INT4", "VARCHAR"})
		must(kinds.Close())
		must(made.Close())
	}
	same(rows("select count(*) from by_sql"), [][]interface{}{{int64(6)}})
}

func case_lib_pq_copies_and_is_refused() {
	made, err := sql.Open("postgres", place("search_path="+schema))
	must(err)
	defer made.Close()
	tx, err := made.Begin()
	must(err)
	_, err = tx.Exec("create table by_pq (n int, t varchar(20))")
	must(err)
	put, err := tx.Prepare(pq.CopyIn("by_pq", "n", "t"))
	must(err)
	for n := 0; n < 100; n++ {
		_, err = put.Exec(n, fmt.Sprintf("it's\t%d", n))
		must(err)
	}
	_, err = put.Exec()
	must(err)
	must(put.Close())
	must(tx.Commit())
	same(rows("select count(*), max(t) from by_pq"), [][]interface{}{{int64(100), "it's\t99"}})
	_, err = made.Exec("select * from nowhere")
	var told *pq.Error
	same(errors.As(err, &told), true)
	same(string(told.Code), "42P01")
	short, stop := context.WithTimeout(ctx, 400*time.Millisecond)
	defer stop()
	_, err = made.ExecContext(short, slow)
	same(err != nil, true)
	same(errors.As(err, &told) && told.Code == "57014" || errors.Is(err, context.DeadlineExceeded), true)
}

func case_wrong_passwords() {
	_, err := pgx.Connect(ctx, place("password=wrong"))
	refused(err, "28P01")
}

func main() {
	var err error
	db, err = pgx.Connect(ctx, place("application_name=listed_"+schema))
	must(err)
	run("create schema " + schema)
	run("set search_path to " + schema)
	for _, one := range []struct {
		name string
		call func()
	}{
		{"is_listed", case_is_listed},
		{"parameters_of_every_type", case_parameters_of_every_type},
		{"values_of_types_it_does_not_know", case_values_of_types_it_does_not_know},
		{"simple_protocol", case_simple_protocol},
		{"rows_written_and_read", case_rows_written_and_read},
		{"prepared_statements", case_prepared_statements},
		{"batches", case_batches},
		{"copy_from", case_copy_from},
		{"transactions", case_transactions},
		{"errors_carry_their_fields", case_errors_carry_their_fields},
		{"cancel_and_timeouts", case_cancel_and_timeouts},
		{"pools", case_pools},
		{"database_sql", case_database_sql},
		{"lib_pq_copies_and_is_refused", case_lib_pq_copies_and_is_refused},
		{"wrong_passwords", case_wrong_passwords},
	} {
		func() {
			var told interface{}
			defer func() {
				if raised := recover(); raised != nil {
					told = fmt.Sprint(raised)
				}
				line, _ := json.Marshal(map[string]interface{}{"case": one.name, "error": told})
				fmt.Println(string(line))
			}()
			one.call()
		}()
	}
}
