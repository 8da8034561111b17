import java.nio.file.*;
import java.sql.*;
import java.util.*;

/** Runs the statements of a file, a line of Base64 each, over Amazon's JDBC driver and says in a line of JSON what each answered. */
public final class Statements {
    public static void main(String[] arguments) throws Exception {
        Map<String, String> env = System.getenv();
        Properties given = new Properties();
        given.put("user", env.get("PGUSER"));
        given.put("password", env.get("PGPASSWORD"));
        given.put("sslRootCert", env.get("SERVER_CERTIFICATE"));
        given.put("sslmode", "verify-ca");
        given.put("defaultRowFetchSize", "2");
        String url = "jdbc:redshift://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE");
        StringBuilder out = new StringBuilder();
        try (Connection db = DriverManager.getConnection(url, given)) {
            for (String line : Files.readAllLines(Path.of(env.get("CASE_STATEMENTS")))) {
                try (Statement statement = db.createStatement()) {
                    out.append("{\"rows\": ");
                    if (statement.execute(new String(Base64.getDecoder().decode(line), "UTF-8"))) rows(statement.getResultSet(), out);
                    else out.append("null");
                    out.append("}\n");
                } catch (SQLException error) {
                    out.setLength(out.lastIndexOf("\n") + 1);
                    out.append("{\"state\": ").append(json(error.getSQLState()));
                    out.append(", \"message\": ").append(json(String.valueOf(error.getMessage()))).append("}\n");
                }
            }
        }
        System.out.print(out);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    static void rows(ResultSet found, StringBuilder out) throws SQLException {
        int count = found.getMetaData().getColumnCount();
        String between = "[";
        while (found.next()) {
            for (int column = 1; column <= count; column++) {
                String value = found.getString(column);
                out.append(column == 1 ? between + "[" : ", ").append(value == null ? "null" : json(value));
            }
            out.append("]");
            between = ", ";
        }
        out.append(between.equals("[") ? "[]" : "]");
    }

    static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ' || c > '~') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }
}
