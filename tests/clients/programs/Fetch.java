import java.sql.*;
import java.util.*;

/** Reads a large result in parts, by fetch size, and prints how many rows there were and the sum of their first column. */
public final class Fetch {
    public static void main(String[] arguments) throws Exception {
        Map<String, String> env = System.getenv();
        Properties given = new Properties();
        given.put("user", env.get("PGUSER"));
        given.put("password", env.get("PGPASSWORD"));
        given.put("sslRootCert", env.get("SERVER_CERTIFICATE"));
        given.put("sslmode", "verify-ca");
        long count = 0, total = 0;
        try (Connection db = DriverManager.getConnection(env.get("CASE_URL"), given)) {
            db.setAutoCommit(false);
            try (Statement statement = db.createStatement()) {
                statement.setFetchSize(Integer.parseInt(env.get("CASE_FETCH")));
                ResultSet found = statement.executeQuery(env.get("CASE_QUERY"));
                while (found.next()) {
                    count++;
                    total += found.getInt(1);
                    if (found.getString(2).length() != 500) throw new IllegalStateException(found.getString(2));
                }
            }
            db.commit();
        }
        System.out.println(count + " " + total);
        Runtime.getRuntime().halt(0);
    }
}
