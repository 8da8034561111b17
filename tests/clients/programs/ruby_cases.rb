# Ruby's pg, whose result maps read text and binary.
require "bigdecimal"
require "date"
require "json"
require "pg"

SCHEMA = ENV["CASE_SCHEMA"]
GIVEN = { sslmode: "verify-ca", sslrootcert: ENV["SERVER_CERTIFICATE"] }
SLOW = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'"
DB = PG.connect(**GIVEN, application_name: "listed_#{SCHEMA}")
DB.type_map_for_results = PG::BasicTypeMapForResults.new(DB)

def same(found, wanted)
  raise "found #{found.inspect}, not #{wanted.inspect}" unless found == wanted
end

def raises(kind)
  yield
rescue kind => error
  error
else
  raise "nothing was raised"
end

def rows(text, values = [])
  DB.exec_params(text, values).values
end

def case_is_listed
  same(rows("select trim(application_name), trim(remotehost), trim(authmethod), left(sslversion, 4),
             (select count(*) from stv_sessions where process = pg_backend_pid())
             from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'"),
       [["listed_#{SCHEMA}", "127.0.0.1", "password", "TLSv", 1]])
end

def case_versions
  same(DB.server_version, 80002)
  same(DB.parameter_status("server_version"), "8.0.2")
  same(DB.get_client_encoding, "UTF8")
end

def case_parameters_of_every_type
  given = ["t", "7", (1 << 40).to_s, "1.5", "-12.345", "it's \\n 漢", "2024-02-29 01:02:03.5", "2024-02-29", nil]
  found = rows("select $1::boolean, $2::int, $3::bigint, $4::float8, $5::numeric(8,3), $6::varchar, $7::timestamp, $8::date, $9::int", given)
  same(found[0][..5] + found[0][7..], [true, 7, 1 << 40, 1.5, BigDecimal("-12.345"), "it's \\n 漢", Date.new(2024, 2, 29), nil])
  same([found[0][6].year, found[0][6].usec], [2024, 500_000])
end

def case_binary_both_ways
  coder = PG::BinaryEncoder::Int4.new.encode(41)
  found = DB.exec_params("select $1::int + 1, $2::varchar, true, 1.5::float8, 7::bigint", [{ value: coder, type: 23, format: 1 }, "é"], 1)
  same(found.fformat(0), 1)
  same(found.values, [[42, "é", true, 1.5, 7]])
  # Redshift has no inet, for one.
  map = PG::BasicTypeMapForQueries.new(DB, if_undefined: ->(_name, _format) { PG::TextEncoder::String.new })
  same(DB.exec_params("select $1::int * 2, $2::float8, $3::boolean", [21, 2.5, true], 0, map).values, [[42, 2.5, true]])
end

def case_prepared_statements
  DB.prepare("twice", "select $1::int * 2 as n")
  same((1..5).map { |n| DB.exec_prepared("twice", [n])[0]["n"] }, [2, 4, 6, 8, 10])
  told = DB.describe_prepared("twice")
  same([told.nfields, told.fname(0), told.ftype(0), told.paramtype(0)], [1, "n", 23, 23])
  DB.exec("deallocate twice")
  raises(PG::InvalidSqlStatementName) { DB.exec_prepared("twice", [1]) }
end

def case_errors_carry_their_fields
  error = raises(PG::UndefinedTable) { rows("select * from nowhere") }
  same(error.result.error_field(PG::PG_DIAG_SQLSTATE), "42P01")
  same(error.result.error_field(PG::PG_DIAG_SEVERITY), "ERROR")
  raises(PG::DivisionByZero) { rows("select 1/$1::int", [0]) }
  raises(PG::SyntaxError) { rows("selectt") }
  same(rows("select 1"), [[1]])
end

def case_transactions
  DB.exec("create table moved (a int)")
  raises(PG::DivisionByZero) { DB.transaction { |own| own.exec("insert into moved values (1)"); own.exec("select 1/0") } }
  DB.transaction { |own| own.exec("insert into moved values (2)") }
  same(rows("select a from moved"), [[2]])
  DB.exec("begin")
  same(DB.transaction_status, PG::PQTRANS_INTRANS)
  raises(PG::Error) { DB.exec("nothing") }
  same(DB.transaction_status, PG::PQTRANS_INERROR)
  raises(PG::InFailedSqlTransaction) { DB.exec("select 1") }
  DB.exec("rollback")
end

def case_copy_both_ways
  DB.exec("create table copied (n int, name varchar(20))")
  coder = PG::TextEncoder::CopyRow.new
  DB.copy_data("copy copied from stdin", coder) { (1..3).each { |n| DB.put_copy_data([n.to_s, "it's\t#{n}"]) }; DB.put_copy_data(["4", nil]) }
  out = []
  DB.copy_data("copy (select * from copied order by n) to stdout", PG::TextDecoder::CopyRow.new) { while (row = DB.get_copy_data) do out << row end }
  same(out, [["1", "it's\t1"], ["2", "it's\t2"], ["3", "it's\t3"], ["4", nil]])
end

def case_single_rows_and_cursors
  DB.send_query("select n from generate_series(1, 500) as g(n)")
  DB.set_single_row_mode
  sum = 0
  while (result = DB.get_result)
    result.check
    result.each { |row| sum += row["n"] }
  end
  same(sum, 125_250)
  DB.transaction do |own|
    own.exec("declare many cursor for select n from generate_series(1, 100) as g(n) order by n")
    same(own.exec("fetch 60 from many").ntuples, 60)
    same(own.exec("fetch 60 from many").ntuples, 40)
  end
end

def case_pipelines
  DB.enter_pipeline_mode
  3.times { |n| DB.send_query_params("select $1::int", [n]) }
  DB.pipeline_sync
  found = []
  3.times { found << DB.get_result.getvalue(0, 0); DB.get_result }
  DB.get_result
  DB.exit_pipeline_mode
  same(found, [0, 1, 2])
end

def case_cancel_and_timeouts
  DB.send_query(SLOW)
  sleep 0.3
  DB.cancel
  raises(PG::QueryCanceled) { DB.get_last_result }
  made = PG.connect(**GIVEN, options: "-c statement_timeout=400")
  raises(PG::QueryCanceled) { made.exec(SLOW) }
  made.close
end

def case_notices_and_calls
  said = []
  DB.set_notice_receiver { |notice| said << notice.error_message }
  DB.exec("drop table if exists never_there")
  same(said.any? { |text| text.include?("never_there") }, true)
  DB.exec("create procedure doubled(a inout int) as $$ begin a := a * 2; end $$ language plpgsql")
  same(rows("call doubled($1)", [21]), [[42]])
  same(rows("select json_parse($1)", ['{"a":[1]}']), [['{"a":[1]}']])
end

def case_quoting
  text = "it's \\ \"x\""
  same(DB.exec("select '#{DB.escape_string(text)}' as a").getvalue(0, 0), text)
  same(DB.exec("select #{DB.escape_literal(text)} as a").getvalue(0, 0), text)
  same(DB.exec("select 1 as #{DB.escape_identifier("a b")}").fname(0), "a b")
end

def case_wrong_passwords
  error = raises(PG::ConnectionBad) { PG.connect(**GIVEN, password: "not this") }
  same(error.message.include?("password authentication failed"), true)
end

$stdout.sync = true
DB.exec("create schema #{SCHEMA}")
DB.exec("set search_path to #{SCHEMA}")
File.read(__FILE__).scan(/^def (case_\w+)/).flatten.each do |name|
  error = nil
  begin
    send(name)
  rescue Exception => raised
    error = raised.full_message(highlight: false)
  end
  puts JSON.generate({ case: name.delete_prefix("case_"), error: error })
end
