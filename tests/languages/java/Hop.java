import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.Executors;

/** A hop in Java: the JDK's own server, and the client of its that CLIENT names. OpenTelemetry comes as an agent. */
public class Hop {
  static final String UPSTREAM = System.getenv("upstream_url");
  static final HttpClient CLIENT = HttpClient.newHttpClient();

  static String byHttpClient() throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(URI.create(UPSTREAM)).header("Accept", "application/json").build();
    return CLIENT.send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  static String byUrlConnection() throws IOException {
    var connection = (HttpURLConnection) URI.create(UPSTREAM).toURL().openConnection();
    connection.setRequestProperty("Accept", "application/json");
    try (var body = connection.getInputStream()) {
      return new String(body.readAllBytes());
    }
  }

  public static void main(String[] arguments) throws IOException {
    var listen = new InetSocketAddress(System.getenv("HOST"), Integer.parseInt(System.getenv("PORT")));
    var server = HttpServer.create(listen, 0);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.createContext("/", exchange -> {
      try (exchange) {
        var old = "urlconnection".equals(System.getenv("CLIENT"));
        var upstream = old ? byUrlConnection() : byHttpClient();
        var own = "{\"name\":\"%s\",\"version\":\"%s\",\"ip\":\"%s\",\"lane\":null,\"duration_ms\":0,"
            + "\"status\":200,\"error\":null,\"upstreams\":[%s]}";
        var body = own.formatted(System.getenv("app"), System.getenv("version"), System.getenv("POD_IP"), upstream);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, body.getBytes().length);
        exchange.getResponseBody().write(body.getBytes());
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    });
    server.start();
  }
}
