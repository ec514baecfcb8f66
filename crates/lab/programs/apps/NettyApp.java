import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.File;
import java.util.Objects;

/** A server of files on Netty: NettyApp.java PORT DIRECTORY. */
public class NettyApp extends SimpleChannelInboundHandler<HttpRequest> {
    static final long LARGEST_UPLOAD = 1 << 20;

    final String directory;

    NettyApp(String directory) {
        this.directory = directory;
    }

    public static void main(String[] arguments) throws Exception {
        var bootstrap = new ServerBootstrap()
                .group(new NioEventLoopGroup(1), new NioEventLoopGroup(2))
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        channel.pipeline().addLast(new HttpServerCodec(), new NettyApp(arguments[1]));
                    }
                });
        bootstrap.bind("127.0.0.1", Integer.parseInt(arguments[0])).sync().channel().closeFuture().sync();
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, HttpRequest request) {
        var file = new File(directory, new File(Objects.requireNonNullElse(request.uri(), "/")).getName());
        if (HttpUtil.getContentLength(request, 0L) > LARGEST_UPLOAD) {
            refuse(context, HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE);
        } else if (request.decoderResult().isFailure()) {
            refuse(context, HttpResponseStatus.BAD_REQUEST);
        } else if (!file.isFile()) {
            refuse(context, HttpResponseStatus.NOT_FOUND);
        } else {
            send(context, file, HttpUtil.isKeepAlive(request));
        }
    }

    static void refuse(ChannelHandlerContext context, HttpResponseStatus status) {
        var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status);
        HttpUtil.setContentLength(response, 0);
        context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    static void send(ChannelHandlerContext context, File file, boolean keepAlive) {
        var response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        HttpUtil.setContentLength(response, file.length());
        HttpUtil.setKeepAlive(response, keepAlive);
        context.write(response);
        context.write(new DefaultFileRegion(file, 0, file.length()));
        var last = context.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
        if (!keepAlive) {
            last.addListener(ChannelFutureListener.CLOSE);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        context.close();
    }
}
