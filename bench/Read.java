// Reads all rows and columns of a query through pgjdbc and prints the seconds that it took and the number of rows.
//   java -cp postgresql.jar Read.java URL USER QUERY FETCH_SIZE     (the password is PGPASSWORD's)
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;

public class Read {
    public static void main(String[] given) throws Exception {
        String password = System.getenv().getOrDefault("PGPASSWORD", "");
        try (Connection connection = DriverManager.getConnection(given[0], given[1], password)) {
            connection.setAutoCommit(false);
            // The first run warms the compiler up with a part of the rows, like a program that has been running.
            int size = Integer.parseInt(given[3]);
            read(connection, given[2] + " LIMIT 100000", size);
            long start = System.nanoTime();
            long rows = read(connection, given[2], size);
            System.out.println((System.nanoTime() - start) / 1e9 + " " + rows);
        }
    }

    private static long read(Connection connection, String query, int fetchSize) throws Exception {
        long rows = 0;
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(fetchSize);
            try (ResultSet result = statement.executeQuery(query)) {
                int columns = result.getMetaData().getColumnCount();
                while (result.next()) {
                    for (int column = 1; column <= columns; column++) {
                        result.getObject(column);
                    }
                    rows++;
                }
            }
        }
        return rows;
    }
}
