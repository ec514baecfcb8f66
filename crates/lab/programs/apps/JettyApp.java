import java.io.IOException;
import java.net.InetSocketAddress;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.handler.AbstractHandler;
import org.eclipse.jetty.server.handler.HandlerList;
import org.eclipse.jetty.server.handler.ResourceHandler;

/** A server of files on Jetty: JettyApp.java PORT DIRECTORY. */
public class JettyApp {
    static final long LARGEST_UPLOAD = 1 << 20;

    static class Refusal extends AbstractHandler {
        @Override
        public void handle(String path, Request base, HttpServletRequest request, HttpServletResponse response)
                throws IOException {
            if (request.getContentLengthLong() > LARGEST_UPLOAD) {
                base.setHandled(true);
                response.setStatus(HttpServletResponse.SC_REQUEST_ENTITY_TOO_LARGE);
                response.getOutputStream().print("too large\n");
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        var server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])));
        var files = new ResourceHandler();
        files.setResourceBase(arguments[1]);
        server.setHandler(new HandlerList(new Handler[] {new Refusal(), files}));
        server.start();
        server.join();
    }
}
