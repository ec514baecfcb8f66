/* A thread is blocked in read when another one closes the socket: Java puts a
 * dead end over the descriptor first, by dup2, and closes it when the reader has
 * left. */
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.SynchronousQueue;

public class EarlyAnswer {
    static final int PERIOD = 251;

    static String readLine(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int next; (next = in.read()) != '\n' && next >= 0; ) line.append((char) next);
        return line.toString();
    }

    static Thread readOn(Socket socket, SynchronousQueue<String> request) {
        Thread reader = new Thread(() -> {
            try (InputStream in = socket.getInputStream()) {
                request.put(readLine(in));
                while (in.read() >= 0) continue;
            } catch (IOException | InterruptedException closed) {
                return;
            }
        });
        reader.start();
        return reader;
    }

    static byte[] response(String request) {
        byte[] bytes = new byte[Integer.parseInt(request.split(" ")[1])];
        for (int at = 0; at < bytes.length; at++) bytes[at] = (byte) (at % PERIOD);
        return bytes;
    }

    public static void main(String[] arguments) throws Exception {
        ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        System.out.println("port " + listener.getLocalPort());
        Socket socket = listener.accept();
        SynchronousQueue<String> request = new SynchronousQueue<>();
        Thread reader = readOn(socket, request);
        socket.getOutputStream().write(response(request.take()));
        socket.close();
        reader.join();
        System.out.println("closed");
        while (System.in.read() >= 0) continue;
    }
}
