// Serves three connections, each on a thread of its own.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

public class Server {
    static void serve(Socket conn) {
        try (conn) {
            String line = new BufferedReader(new InputStreamReader(conn.getInputStream())).readLine();
            byte[] response = new byte[Integer.parseInt(line.split(" ")[1])];
            for (int at = 0; at < response.length; at++) {
                response[at] = (byte) (at % 251);
            }
            conn.getOutputStream().write(response);
        } catch (Exception error) {
            error.printStackTrace();
        }
    }

    public static void main(String[] arguments) throws Exception {
        ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        System.out.println("port " + listener.getLocalPort());
        Thread[] threads = new Thread[3];
        for (int at = 0; at < threads.length; at++) {
            Socket conn = listener.accept();
            threads[at] = new Thread(() -> serve(conn));
            threads[at].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        System.exit(7);
    }
}
