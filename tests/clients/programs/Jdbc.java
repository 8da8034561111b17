import java.io.StringReader;
import java.io.StringWriter;
import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;

/** What a JDBC driver does, PostgreSQL's or Amazon's: the first argument says which, as its URLs do. */
public final class Jdbc {
    static final Map<String, String> ENV = System.getenv();
    static final String SCHEMA = ENV.get("CASE_SCHEMA");
    static String kind;
    static boolean amazon;
    static Connection db;

    public static void main(String[] arguments) throws Exception {
        kind = arguments[0];
        amazon = kind.equals("redshift");
        db = connect("ApplicationName", "listed_" + SCHEMA);
        run("create schema " + SCHEMA);
        run("set search_path to " + SCHEMA);
        run("create table venue (venueid integer not null primary key, name varchar(100) default 'x', seats smallint)");
        run("create table event (eventid bigint identity(1,1), venueid integer references venue(venueid), price numeric(8,2) not null, at timestamp)");
        run("create view cheap as select eventid, price from event where price < 10");
        run("comment on table venue is 'where it happens'");
        run("comment on column venue.seats is 'how many'");
        run("create procedure doubled(a inout integer) as $$ begin a := a * 2; end $$ language plpgsql");
        run("create function twice(integer) returns integer stable as $$ select $1 * 2 $$ language sql");
        for (Method method : Jdbc.class.getDeclaredMethods()) {
            if (!method.getName().startsWith("case_")) continue;
            String error = "null";
            try {
                if (!db.getAutoCommit()) { db.rollback(); db.setAutoCommit(true); }
                method.invoke(null);
            } catch (InvocationTargetException raised) {
                StringWriter trace = new StringWriter();
                raised.getCause().printStackTrace(new PrintWriter(trace));
                error = json(trace.toString());
            }
            System.out.println("{\"case\": " + json(method.getName().substring(5)) + ", \"error\": " + error + "}");
        }
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    static Connection connect(String... properties) throws SQLException {
        Properties given = new Properties();
        given.setProperty("user", ENV.get("PGUSER"));
        given.setProperty("password", ENV.get("PGPASSWORD"));
        // Amazon's driver encrypts and checks by default; PostgreSQL's tells its name to servers of 9.0 and later only.
        if (amazon) given.setProperty("sslRootCert", ENV.get("SERVER_CERTIFICATE"));
        else given.setProperty("assumeMinServerVersion", "9.0");
        for (int i = 0; i < properties.length; i += 2) given.setProperty(properties[i], properties[i + 1]);
        return DriverManager.getConnection(
            "jdbc:" + kind + "://" + ENV.get("PGHOST") + ":" + ENV.get("PGPORT") + "/" + ENV.get("PGDATABASE"), given);
    }

    static Connection here(String... properties) throws SQLException {
        Connection made = connect(properties);
        try (Statement statement = made.createStatement()) { statement.execute("set search_path to " + SCHEMA); }
        return made;
    }

    static void run(String sql) throws SQLException {
        try (Statement statement = db.createStatement()) { statement.execute(sql); }
    }

    static List<List<String>> rows(ResultSet result, String... columns) throws SQLException {
        List<List<String>> found = new ArrayList<>();
        ResultSetMetaData told = result.getMetaData();
        while (result.next()) {
            List<String> row = new ArrayList<>();
            if (columns.length == 0) for (int i = 1; i <= told.getColumnCount(); i++) row.add(result.getString(i));
            for (String column : columns) row.add(result.getString(column));
            found.add(row);
        }
        result.close();
        return found;
    }

    static List<List<String>> ask(String sql) throws SQLException {
        try (Statement statement = db.createStatement()) { return rows(statement.executeQuery(sql)); }
    }

    static void same(Object found, Object wanted) {
        if (!Objects.equals(String.valueOf(found), String.valueOf(wanted)))
            throw new AssertionError("found " + found + ", wanted " + wanted);
    }

    interface Action { void run() throws Exception; }

    static SQLException refused(String state, Action action) throws Exception {
        try { action.run(); } catch (SQLException error) {
            if (!state.equals(error.getSQLState())) throw new AssertionError("state " + error.getSQLState(), error);
            return error;
        }
        throw new AssertionError("nothing was raised");
    }

    static void case_is_listed() throws Exception {
        String log = "stl_connection_log where application_name = 'listed_" + SCHEMA + "'";
        same(ask("select count(*) from " + log + " and event = 'initiating session'"), "[[1]]");
        same(ask("select count(*) from sys_connection_log where application_name = 'listed_" + SCHEMA + "' and event = 'initiating session'"), "[[1]]");
        same(ask("select count(*) from stv_sessions where process in (select pid from " + log + ")"), "[[1]]");
        same(ask("select trim(remotehost), trim(authmethod), left(sslversion, 4), protocol_version from " + log + " and event = 'initiating session'"),
             amazon ? "[[127.0.0.1, password, TLSv, 3]]" : "[[127.0.0.1, password, TLSv, 0]]");
        if (amazon && !ask("select driver_version from " + log).get(0).get(0).contains("Redshift JDBC Driver")) throw new AssertionError("driver");
    }

    static void case_versions() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        same(meta.getDatabaseProductName(), amazon ? "Redshift" : "PostgreSQL");
        same(meta.getDatabaseMajorVersion(), 8);
        same(meta.getDatabaseMinorVersion(), 0);
        if (!meta.getDatabaseProductVersion().startsWith("8.0.2")) throw new AssertionError(meta.getDatabaseProductVersion());
    }

    static void case_tables() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        same(rows(meta.getTables(null, SCHEMA, "%", new String[] {"TABLE", "VIEW"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS"),
            List.of(Arrays.asList(SCHEMA, "event", "TABLE", null), Arrays.asList(SCHEMA, "venue", "TABLE", "where it happens"),
                Arrays.asList(SCHEMA, "cheap", "VIEW", null)));
        List<List<String>> all = rows(meta.getTables("dev", SCHEMA, "ven%", null), "TABLE_NAME");
        if (!all.contains(List.of("venue"))) throw new AssertionError(all);
        same(rows(meta.getTables(null, SCHEMA, "v_nue", new String[] {"TABLE"}), "TABLE_NAME"), "[[venue]]");
        if (rows(meta.getTables(null, null, "%", null), "TABLE_NAME").size() < 100) throw new AssertionError("too few");
        same(rows(meta.getTables(null, "nowhere", "%", null), "TABLE_NAME"), "[]");
    }

    static void case_columns() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        same(rows(meta.getColumns(null, SCHEMA, "venue", "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "NULLABLE", "IS_NULLABLE", "ORDINAL_POSITION", "REMARKS"),
            List.of(Arrays.asList("venueid", "4", "int4", "10", "0", "NO", "1", null), Arrays.asList("name", "12", "varchar", "100", "1", "YES", "2", null),
                Arrays.asList("seats", "5", "int2", "5", "1", "YES", "3", "how many")));
        same(rows(meta.getColumns(null, SCHEMA, "event", "%"), "COLUMN_NAME", "DATA_TYPE", "DECIMAL_DIGITS", "IS_AUTOINCREMENT").get(2),
            List.of("price", "2", "2", "NO"));
        same(rows(meta.getColumns(null, SCHEMA, "cheap", "pri%"), "TABLE_NAME", "COLUMN_NAME"), "[[cheap, price]]");
        String value = rows(meta.getColumns(null, SCHEMA, "venue", "name"), "COLUMN_DEF").get(0).get(0);
        if (!value.startsWith("'x'")) throw new AssertionError(value);
    }

    static void case_keys() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        same(rows(meta.getPrimaryKeys(null, SCHEMA, "venue"), "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME"), "[[venue, venueid, 1, venue_pkey]]");
        String[] wanted = {"PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "FK_NAME"};
        String key = "[[venue, venueid, event, venueid, 1, event_venueid_fkey]]";
        same(rows(meta.getImportedKeys(null, SCHEMA, "event"), wanted), key);
        same(rows(meta.getExportedKeys(null, SCHEMA, "venue"), wanted), key);
        same(rows(meta.getCrossReference(null, SCHEMA, "venue", null, SCHEMA, "event"), wanted), key);
        same(rows(meta.getImportedKeys(null, SCHEMA, "venue")), "[]");
        same(rows(meta.getBestRowIdentifier(null, SCHEMA, "venue", DatabaseMetaData.bestRowSession, true), "COLUMN_NAME", "DATA_TYPE"), "[[venueid, 4]]");
        rows(meta.getVersionColumns(null, SCHEMA, "venue"));
    }

    static void case_indexes() throws Exception {
        List<List<String>> found = rows(db.getMetaData().getIndexInfo(null, SCHEMA, "venue", false, true), "INDEX_NAME", "COLUMN_NAME");
        // Amazon's driver knows that there are none.
        if (!amazon) same(found, "[[venue_pkey, venueid]]");
    }

    static void case_schemas_and_catalogs() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        if (!rows(meta.getSchemas(), "TABLE_SCHEM").containsAll(List.of(List.of(SCHEMA), List.of("public"), List.of("pg_catalog")))) throw new AssertionError("schemas");
        same(rows(meta.getSchemas(null, SCHEMA), "TABLE_SCHEM"), List.of(List.of(SCHEMA)));
        if (!rows(meta.getCatalogs(), "TABLE_CAT").contains(List.of("dev"))) throw new AssertionError("catalogs");
        if (!rows(meta.getTableTypes(), "TABLE_TYPE").contains(List.of("TABLE"))) throw new AssertionError("types");
        same(db.getCatalog(), "dev");
        same(db.getSchema(), SCHEMA);
        Connection other = connect();
        other.setSchema(SCHEMA);
        same(other.getSchema(), SCHEMA);
        other.close();
    }

    static void case_type_info() throws Exception {
        Set<String> names = new HashSet<>();
        for (List<String> row : rows(db.getMetaData().getTypeInfo(), "TYPE_NAME")) names.add(row.get(0));
        if (!names.containsAll(List.of("int2", "int4", "int8", "numeric", "float4", "float8", "bool", "date", "timestamp", "timestamptz", "varchar"))) throw new AssertionError(names);
    }

    static void case_routines() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        List<List<String>> procedures = rows(meta.getProcedures(null, SCHEMA, "doubled"), "PROCEDURE_SCHEM", "PROCEDURE_NAME");
        // PostgreSQL's driver takes every function of a server so old for a procedure.
        same(procedures, List.of(List.of(SCHEMA, "doubled")));
        List<List<String>> columns = rows(meta.getProcedureColumns(null, SCHEMA, "doubled", "%"), "COLUMN_NAME", "DATA_TYPE");
        if (columns.stream().noneMatch(row -> row.get(1).equals("4"))) throw new AssertionError(columns);
        List<List<String>> functions = rows(meta.getFunctions(null, SCHEMA, "twice"), "FUNCTION_NAME");
        same(functions, "[[twice]]");
        if (rows(meta.getFunctionColumns(null, SCHEMA, "twice", "%"), "DATA_TYPE").isEmpty()) throw new AssertionError("function columns");
    }

    static void case_privileges() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        run("grant select on venue to public");
        List<List<String>> found = rows(meta.getTablePrivileges(null, SCHEMA, "venue"), "GRANTEE", "PRIVILEGE");
        if (found.stream().noneMatch(row -> row.get(0).equalsIgnoreCase("public") && row.get(1).equals("SELECT"))) throw new AssertionError(found);
        rows(meta.getColumnPrivileges(null, SCHEMA, "venue", "%"));
    }

    static void case_every_plain_method_of_the_metadata() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        List<String> failed = new ArrayList<>();
        for (Method method : DatabaseMetaData.class.getMethods()) {
            if (method.getParameterCount() > 0) continue;
            try {
                Object found = method.invoke(meta);
                if (found instanceof ResultSet) rows((ResultSet) found);
            } catch (InvocationTargetException raised) {
                if (!(raised.getCause() instanceof SQLFeatureNotSupportedException)) failed.add(method.getName() + ": " + raised.getCause());
            }
        }
        same(failed, "[]");
    }

    static void case_rare_lists_of_the_metadata() throws Exception {
        DatabaseMetaData meta = db.getMetaData();
        for (Action action : List.<Action>of(
                () -> rows(meta.getUDTs(null, SCHEMA, "%", null)), () -> rows(meta.getSuperTables(null, SCHEMA, "%")),
                () -> rows(meta.getSuperTypes(null, SCHEMA, "%")), () -> rows(meta.getAttributes(null, SCHEMA, "%", "%")),
                () -> rows(meta.getPseudoColumns(null, SCHEMA, "%", "%")), () -> rows(meta.getClientInfoProperties()))) {
            try { action.run(); } catch (SQLFeatureNotSupportedException none) { continue; }
        }
    }

    static void case_a_prepared_statement_past_its_threshold() throws Exception {
        String sql = "select ?::int2, ?::int4, ?::int8, ?::float4, ?::float8, ?::numeric(12,4), ?::varchar, ?::date, ?::timestamp, ?::boolean, ?::varbyte";
        try (PreparedStatement statement = db.prepareStatement(sql)) {
            for (int n = 0; n < 12; n++) {
                statement.setShort(1, (short) n);
                statement.setInt(2, n);
                statement.setLong(3, 1L << 40);
                statement.setFloat(4, 1.5f);
                statement.setDouble(5, 0.1);
                statement.setBigDecimal(6, new BigDecimal("12.3450"));
                statement.setString(7, "it's \\n ü");
                statement.setDate(8, java.sql.Date.valueOf("2024-02-29"));
                statement.setTimestamp(9, Timestamp.valueOf("2024-02-29 01:02:03.5"));
                statement.setBoolean(10, true);
                statement.setString(11, "abc");
                try (ResultSet found = statement.executeQuery()) {
                    found.next();
                    same(found.getInt(1), n);
                    same(found.getInt(2), n);
                    same(found.getLong(3), 1L << 40);
                    same(found.getFloat(4), 1.5f);
                    same(found.getDouble(5), 0.1);
                    same(found.getBigDecimal(6), "12.3450");
                    same(found.getString(7), "it's \\n ü");
                    same(found.getDate(8), "2024-02-29");
                    same(found.getTimestamp(9), "2024-02-29 01:02:03.5");
                    same(found.getBoolean(10), true);
                }
            }
        }
    }

    static void case_columns_of_every_type_past_the_threshold() throws Exception {
        run("create table kinds (a smallint, b integer, c bigint, d real, e double precision, f numeric(38,10), g char(5), h varchar(20), i date, k time, l timestamp, m timestamptz, n boolean, o super, p timetz, q varbyte)");
        run("insert into kinds values (1, 2, 3, 1.5, 2.5, 1234567890123456789.0123456789, 'ab', 'ü', '2024-02-29', '01:02:03', '2024-02-29 01:02:03', '2024-02-29 01:02:03+00', true, json_parse('{\"a\":[1]}'), '01:02:03+00', 'abc')");
        run("insert into kinds values (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)");
        try (PreparedStatement statement = db.prepareStatement("select * from kinds where b = ? or b is null order by b nulls last")) {
            for (int n = 0; n < 8; n++) {
                statement.setInt(1, 2);
                try (ResultSet found = statement.executeQuery()) {
                    found.next();
                    same(found.getObject(1) + " " + found.getObject(2) + " " + found.getObject(3) + " " + found.getObject(4) + " " + found.getObject(5), "1 2 3 1.5 2.5");
                    same(found.getBigDecimal(6), "1234567890123456789.0123456789");
                    same(found.getString(7) + "|" + found.getString(8), "ab   |ü");
                    same(found.getDate(9) + " " + found.getTime(10) + " " + found.getTimestamp(11), "2024-02-29 01:02:03 2024-02-29 01:02:03.0");
                    same(found.getTimestamp(12).toInstant(), "2024-02-29T01:02:03Z");
                    same(found.getBoolean(13), true);
                    same(found.getString(14), "{\"a\":[1]}");
                    found.getString(15);
                    found.getString(16);
                    found.next();
                    for (int column = 1; column <= 16; column++) { found.getString(column); same(found.wasNull(), true); }
                }
            }
        }
    }

    static void case_batches() throws Exception {
        run("create table batched (n int, name varchar(20))");
        db.setAutoCommit(false);
        try (PreparedStatement statement = db.prepareStatement("insert into batched values (?, ?)")) {
            for (int n = 0; n < 300; n++) { statement.setInt(1, n); statement.setString(2, "it's " + n); statement.addBatch(); }
            int[] counts = statement.executeBatch();
            same(counts.length, 300);
            if (!amazon) same(Arrays.stream(counts).sum(), 300);
        }
        db.commit();
        db.setAutoCommit(true);
        same(ask("select count(*), sum(n), max(name) from batched"), "[[300, 44850, it's 99]]");
        try (Statement statement = db.createStatement()) {
            statement.addBatch("insert into batched values (1000, 'a')");
            statement.addBatch("update batched set name = 'b' where n = 1000");
            statement.addBatch("delete from batched where n < 10");
            same(Arrays.toString(statement.executeBatch()), "[1, 1, 10]");
        }
    }

    static void case_rewritten_batches() throws Exception {
        run("create table rewritten (n int, name varchar(20), at timestamp)");
        try (Connection other = here(amazon ? "reWriteBatchedInserts" : "reWriteBatchedInserts", "true")) {
            other.setAutoCommit(false);
            try (PreparedStatement statement = other.prepareStatement("insert into rewritten values (?, ?, ?)")) {
                for (int n = 0; n < 1001; n++) {
                    statement.setInt(1, n);
                    statement.setString(2, "row " + n);
                    statement.setTimestamp(3, Timestamp.valueOf("2024-02-29 01:02:03"));
                    statement.addBatch();
                }
                statement.executeBatch();
            }
            other.commit();
        }
        same(ask("select count(*), sum(n), count(distinct name), min(at) from rewritten"), "[[1001, 500500, 1001, 2024-02-29 01:02:03]]");
    }

    static void case_fetch_size() throws Exception {
        db.setAutoCommit(false);
        try (Statement statement = db.createStatement()) {
            statement.setFetchSize(100);
            long sum = 0;
            try (ResultSet found = statement.executeQuery("select n from generate_series(1, 2500) as g(n) order by n")) {
                while (found.next()) sum += found.getLong(1);
            }
            same(sum, 3126250);
            statement.setMaxRows(7);
            same(rows(statement.executeQuery("select n from generate_series(1, 2500) as g(n)")).size(), 7);
        }
        db.commit();
        db.setAutoCommit(true);
    }

    static void case_two_results_are_read_in_turns() throws Exception {
        db.setAutoCommit(false);
        try (Statement first = db.createStatement(); Statement second = db.createStatement()) {
            first.setFetchSize(10);
            second.setFetchSize(10);
            ResultSet one = first.executeQuery("select n from generate_series(1, 100) as g(n) order by n");
            ResultSet two = second.executeQuery("select n from generate_series(101, 200) as g(n) order by n");
            int n = 0;
            while (one.next() && two.next()) { n++; same(one.getInt(1) + 100, two.getInt(1)); }
            same(n, 100);
        }
        db.commit();
        db.setAutoCommit(true);
    }

    static final String LONG = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'";

    static void case_cancel() throws Exception {
        try (Connection other = here(); Statement statement = other.createStatement()) {
            Executors.newScheduledThreadPool(1).schedule(() -> { statement.cancel(); return null; }, 500, TimeUnit.MILLISECONDS);
            refused("57014", () -> statement.executeQuery(LONG));
            same(rows(statement.executeQuery("select 1")), "[[1]]");
        }
    }

    static void case_query_timeout() throws Exception {
        try (Connection other = here(); Statement statement = other.createStatement()) {
            statement.setQueryTimeout(1);
            refused("57014", () -> statement.executeQuery(LONG));
            statement.setQueryTimeout(0);
            same(rows(statement.executeQuery("select 1")), "[[1]]");
        }
    }

    static void case_validity() throws Exception {
        same(db.isValid(5), true);
        Connection other = here();
        same(other.isValid(5), true);
        other.close();
        same(other.isValid(5), false);
    }

    static void case_generated_keys() throws Exception {
        // Redshift has no RETURNING: the drivers ask for it or refuse by themselves.
        try (PreparedStatement statement = db.prepareStatement("insert into event (price) values (1)", Statement.RETURN_GENERATED_KEYS)) {
            statement.executeUpdate();
            if (!amazon) throw new AssertionError("RETURNING was taken");
        } catch (SQLException error) {
            if (amazon ? false : !error.getSQLState().equals("42601") && !error.getSQLState().equals("0A000")) throw new AssertionError(error.getSQLState(), error);
        }
    }

    static void case_callable_statements() throws Exception {
        if (amazon) {
            try (CallableStatement call = db.prepareCall("{call doubled(?)}")) {
                call.setInt(1, 21);
                call.registerOutParameter(1, Types.INTEGER);
                call.execute();
                same(call.getInt(1), 42);
            }
        }
        try (PreparedStatement call = db.prepareStatement("call doubled(?)")) {
            call.setInt(1, 21);
            same(rows(call.executeQuery()), "[[42]]");
        }
        try (PreparedStatement call = db.prepareStatement("select twice(?)")) {
            call.setInt(1, 4);
            same(rows(call.executeQuery()), "[[8]]");
        }
    }

    static void case_result_set_metadata() throws Exception {
        try (Statement statement = db.createStatement(); ResultSet found = statement.executeQuery("select v.name as called, e.price, e.eventid, e.price * 2 as twice from venue v, event e")) {
            ResultSetMetaData told = found.getMetaData();
            same(told.getColumnLabel(1) + " " + told.getColumnName(1), "called called");
            same(told.getTableName(1), "venue");
            same(told.getSchemaName(2), amazon ? SCHEMA : "");
            same(told.getCatalogName(2), amazon ? "dev" : "");
            same(told.getColumnTypeName(2) + told.getPrecision(2) + "," + told.getScale(2), "numeric8,2");
            same(told.getColumnType(2) + " " + told.getColumnClassName(2), Types.NUMERIC + " java.math.BigDecimal");
            same(told.isNullable(2), ResultSetMetaData.columnNoNulls);
            same(told.isNullable(4), amazon ? ResultSetMetaData.columnNullable : ResultSetMetaData.columnNullableUnknown);
            same(told.isAutoIncrement(3), amazon);
            same(told.getColumnDisplaySize(1), 100);
        }
    }

    static void case_parameter_metadata() throws Exception {
        try (PreparedStatement statement = db.prepareStatement("select * from venue where venueid = ? and name = ?")) {
            ParameterMetaData told = statement.getParameterMetaData();
            same(told.getParameterCount() + " " + told.getParameterTypeName(1) + " " + told.getParameterTypeName(2), "2 int4 varchar");
            same(statement.getMetaData().getColumnCount(), 3);
        }
    }

    static void case_times_and_zones() throws Exception {
        run("create table moments (a timestamp, b timestamptz)");
        try (PreparedStatement statement = db.prepareStatement("insert into moments values (?, ?)")) {
            statement.setObject(1, LocalDateTime.parse("2024-02-29T01:02:03.123456"));
            statement.setObject(2, OffsetDateTime.parse("2024-02-29T01:02:03.123456+05:30"));
            statement.executeUpdate();
        }
        for (String zone : List.of("UTC", "America/New_York", "Asia/Kolkata")) {
            run("set timezone to '" + zone + "'");
            try (PreparedStatement statement = db.prepareStatement("select a, b from moments")) {
                for (int n = 0; n < 7; n++) try (ResultSet found = statement.executeQuery()) {
                    found.next();
                    same(found.getObject(1, LocalDateTime.class), "2024-02-29T01:02:03.123456");
                    same(found.getObject(2, OffsetDateTime.class).toInstant(), "2024-02-28T19:32:03.123456Z");
                }
            }
        }
        run("reset timezone");
        try (PreparedStatement statement = db.prepareStatement("select ?::date, ?::time")) {
            statement.setObject(1, LocalDate.parse("1999-12-31"));
            statement.setObject(2, LocalTime.parse("23:59:59"));
            same(rows(statement.executeQuery()), "[[1999-12-31, 23:59:59]]");
        }
    }

    static void case_nulls_and_untyped_parameters() throws Exception {
        try (PreparedStatement statement = db.prepareStatement("select ?::int, ?::varchar, coalesce(?, 'none')")) {
            statement.setNull(1, Types.INTEGER);
            statement.setNull(2, Types.VARCHAR);
            statement.setObject(3, null);
            same(rows(statement.executeQuery()), "[[null, null, none]]");
        }
    }

    static void case_escapes() throws Exception {
        same(ask("select {d '2024-02-29'}, {ts '2024-02-29 01:02:03'}, {fn ucase('abc')}, {fn concat('a', 'b')}, {fn mod(7, 3)}"),
            "[[2024-02-29, 2024-02-29 01:02:03, ABC, ab, 1]]");
    }

    static void case_several_statements_at_once() throws Exception {
        try (Statement statement = db.createStatement()) {
            same(statement.execute("create table several (a int); insert into several values (1), (2); select count(*) from several;"), false);
            same(statement.getUpdateCount(), 0);
            same(statement.getMoreResults(), false);
            same(statement.getUpdateCount(), 2);
            same(statement.getMoreResults(), true);
            same(rows(statement.getResultSet()), "[[2]]");
        }
    }

    static void case_scrolling() throws Exception {
        try (Statement statement = db.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY)) {
            ResultSet found = statement.executeQuery("select n from generate_series(1, 10) as g(n) order by n");
            same(found.last(), true);
            same(found.getInt(1), 10);
            same(found.absolute(3), true);
            same(found.getInt(1), 3);
        }
    }

    static void case_transactions_and_isolation() throws Exception {
        try (Connection other = here()) {
            other.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            same(other.getTransactionIsolation(), Connection.TRANSACTION_SERIALIZABLE);
            other.setAutoCommit(false);
            try (Statement statement = other.createStatement()) {
                statement.execute("create table undone (a int)");
                refused("22012", () -> statement.executeQuery("select 1/0"));
                refused("25P02", () -> statement.executeQuery("select 1"));
            }
            other.rollback();
            same(rows(other.getMetaData().getTables(null, SCHEMA, "undone", null)), "[]");
        }
    }

    static void case_read_only_connections() throws Exception {
        try (Connection other = here()) {
            other.setReadOnly(true);
            same(other.isReadOnly(), true);
            other.setAutoCommit(false);
            try (Statement statement = other.createStatement()) {
                same(rows(statement.executeQuery("select 1")), "[[1]]");
                if (!amazon) refused("25006", () -> statement.execute("insert into venue values (99, 'x', 1)"));
            }
            other.rollback();
            other.setReadOnly(false);
        }
    }

    static void case_errors_and_warnings() throws Exception {
        SQLException error = refused("42P01", () -> ask("select * from nowhere"));
        if (!error.getMessage().contains("relation \"nowhere\" does not exist")) throw new AssertionError(error.getMessage());
        try (Statement statement = db.createStatement()) {
            statement.execute("drop table if exists never_there");
            same(statement.getWarnings() != null, true);
        }
    }

    static void case_arrays() throws Exception {
        try (Statement statement = db.createStatement(); ResultSet found = statement.executeQuery(
                "select conkey from pg_constraint where conrelid = '" + SCHEMA + ".venue'::regclass and contype = 'p'")) {
            found.next();
            same(found.getArray(1), "{1}");
        }
        same(ask("select array(1, 2)"), "[[[1,2]]]");
    }

    static void case_client_info() throws Exception {
        // PostgreSQL's driver does not try with a server of 8.0.
        if (!amazon) return;
        try (Connection other = here()) {
            other.setClientInfo("ApplicationName", "renamed");
            try (Statement statement = other.createStatement()) {
                same(rows(statement.executeQuery("show application_name")), "[[renamed]]");
            }
        }
    }

    static void case_simple_query_mode() throws Exception {
        try (Connection other = here("preferQueryMode", "simple"); PreparedStatement statement = other.prepareStatement("select ?::int + 1, ?::varchar")) {
            statement.setInt(1, 41);
            // Both drivers forget here that backslashes escape.
            String text = "it's";
            statement.setString(2, text);
            same(rows(statement.executeQuery()), "[[42, " + text + "]]");
        }
    }

    static void case_encrypted_connections() throws Exception {
        for (String mode : amazon ? List.of("verify-ca", "verify-full") : List.of("require", "verify-ca", "verify-full")) {
            String[] properties = amazon
                ? new String[] {"ssl", "true", "sslMode", mode}
                : new String[] {"sslmode", mode, "sslrootcert", ENV.get("SERVER_CERTIFICATE")};
            try (Connection other = here(properties); Statement statement = other.createStatement()) {
                same(rows(statement.executeQuery("select 1")), "[[1]]");
            }
        }
    }

    static void case_wrong_passwords() throws Exception {
        refused("28P01", () -> connect("password", "not this"));
    }

    static void case_copy() throws Exception {
        if (amazon) return;
        run("create table copied (n int, name varchar(20))");
        org.postgresql.copy.CopyManager manager = db.unwrap(org.postgresql.PGConnection.class).getCopyAPI();
        same(manager.copyIn("copy copied from stdin csv", new StringReader("1,\"a, b\"\n2,\n")), 2);
        StringWriter out = new StringWriter();
        same(manager.copyOut("copy (select * from copied order by n) to stdout csv", out), 2);
        same(out.toString(), "1,\"a, b\"\n2,\n");
    }

    static void case_updatable_results() throws Exception {
        if (amazon) return;
        run("insert into venue values (7, 'old', 1)");
        try (Statement statement = db.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                ResultSet found = statement.executeQuery("select venueid, name from venue where venueid = 7")) {
            found.next();
            found.updateString("name", "new");
            found.updateRow();
        }
        same(ask("select name from venue where venueid = 7"), "[[new]]");
    }

    static void case_savepoints() throws Exception {
        db.setAutoCommit(false);
        try {
            db.setSavepoint("here");
            db.rollback();
        } catch (SQLException error) {
            // Redshift has no savepoints.
            db.rollback();
            if (!Set.of("0A000", "42601").contains(error.getSQLState())) throw new AssertionError(error.getSQLState(), error);
        }
        db.setAutoCommit(true);
    }

    static void case_many_connections() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Integer>> sums = new ArrayList<>();
        for (int n = 0; n < 16; n++) {
            int number = n;
            sums.add(pool.submit(() -> {
                try (Connection other = here(); PreparedStatement statement = other.prepareStatement("select ?::int")) {
                    statement.setInt(1, number);
                    return Integer.valueOf(rows(statement.executeQuery()).get(0).get(0));
                }
            }));
        }
        int sum = 0;
        for (Future<Integer> one : sums) sum += one.get();
        same(sum, 120);
        pool.shutdown();
    }
}
