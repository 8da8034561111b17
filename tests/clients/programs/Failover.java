import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicBoolean;

/** Writes numbers through a URL of several hosts until its input ends, connecting again where a server has gone. */
public class Failover {
    public static void main(String[] given) throws Exception {
        AtomicBoolean ended = new AtomicBoolean();
        Thread listener = new Thread(() -> {
            try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in))) {
                while (input.readLine() != null) { }
            } catch (java.io.IOException error) { }
            ended.set(true);
        });
        listener.setDaemon(true);
        listener.start();
        int number = 1, connections = 0;
        while (!ended.get()) {
            try (Connection connection = DriverManager.getConnection(given[0], given[1], given[2]);
                    PreparedStatement count = connection.prepareStatement("SELECT count(*) FROM jdbc WHERE n = ?");
                    PreparedStatement insert = connection.prepareStatement("INSERT INTO jdbc VALUES (?)")) {
                connections++;
                while (!ended.get()) {
                    count.setInt(1, number);
                    try (var found = count.executeQuery()) {
                        found.next();
                        if (found.getInt(1) == 0) {
                            insert.setInt(1, number);
                            insert.executeUpdate();
                        }
                    }
                    System.out.println(number++ + " " + connections);
                }
            } catch (SQLException error) {
                Thread.sleep(100);
            }
        }
    }
}
