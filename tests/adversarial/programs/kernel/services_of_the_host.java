// tries: to reach a service that listens on the host's loopback, which trusts who is local
// status: ok
import java.io.*;
import java.net.*;
import java.nio.channels.*;
import java.util.*;

class Main {
    static List<String> broke = new ArrayList<>();

    static void attempt(String host, int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(host, port), 500);
            broke.add(new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine());
        } catch (ConnectException refused) {
            // Nobody listens there, and yet it was reached.
            broke.add(host + ":" + port + " " + refused.getMessage());
        } catch (IOException held) {
        }
        try (SocketChannel channel = SocketChannel.open(new InetSocketAddress(host, port))) {
            broke.add("a channel to " + host + ":" + port);
        } catch (ConnectException refused) {
            broke.add(host + ":" + port + " " + refused.getMessage());
        } catch (IOException held) {
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (String host : List.of("127.0.0.1", "localhost", "0.0.0.0", "::1")) attempt(host, @host_port@);
        List<NetworkInterface> cards = new ArrayList<>();
        try {
            cards = Collections.list(NetworkInterface.getNetworkInterfaces());
        } catch (SocketException none) {
        }
        for (NetworkInterface card : cards)
            if (!card.isLoopback()) broke.add("the interface " + card.getName());
        System.out.println(broke.isEmpty() ? "held" : String.join("; ", broke));
    }
}
