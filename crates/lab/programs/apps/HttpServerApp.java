import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;

/** The JDK's own server: HttpServerApp.java PORT DIRECTORY. */
public class HttpServerApp {
    static final long LARGEST_UPLOAD = 1 << 20;

    public static void main(String[] arguments) throws IOException {
        var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0]));
        var directory = Path.of(arguments[1]);
        var server = HttpServer.create(address, 128);
        server.createContext("/", exchange -> serve(exchange, directory));
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
    }

    static void serve(HttpExchange exchange, Path directory) throws IOException {
        try (exchange) {
            var length = exchange.getRequestHeaders().getFirst("Content-Length");
            var file = directory.resolve(Path.of(exchange.getRequestURI().getPath()).getFileName());
            if (length != null && Long.parseLong(length) > LARGEST_UPLOAD) {
                exchange.sendResponseHeaders(413, -1);
            } else if (!Files.isRegularFile(file)) {
                exchange.sendResponseHeaders(404, -1);
            } else {
                exchange.sendResponseHeaders(200, Files.size(file));
                Files.copy(file, exchange.getResponseBody());
            }
        }
    }
}
