// A hop in Node of ES modules alone: its own server and client.
import http from "node:http";

const { app: name, version, upstream_url: upstream, POD_IP: ip, HOST, PORT } = process.env;
const hop = { name, version, ip, lane: null, duration_ms: 0, status: 200, error: null };

http
  .createServer((_, response) => {
    const answer = (tail) => {
      let body = "";
      tail.on("data", (part) => (body += part)).on("end", () => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ ...hop, upstreams: [JSON.parse(body)] }));
      });
    };
    http
      .get(upstream, { headers: { accept: "application/json" } }, answer)
      .on("error", (error) => response.writeHead(502).end(String(error)));
  })
  .listen(PORT, HOST);
