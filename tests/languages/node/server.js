// A hop in Node: Express, and the client that CLIENT names. OpenTelemetry comes by --require.
const http = require("node:http");
const axios = require("axios");
const express = require("express");

const { app: name, version, upstream_url: upstream, POD_IP: ip, CLIENT, HOST, PORT } = process.env;
const headers = { accept: "application/json" };

const clients = {
  http: () =>
    new Promise((resolve, reject) => {
      const read = (response) => {
        let body = "";
        response.on("data", (part) => (body += part)).on("end", () => resolve(JSON.parse(body)));
      };
      http.get(upstream, { headers }, read).on("error", reject);
    }),
  fetch: async () => (await fetch(upstream, { headers })).json(),
  axios: async () => (await axios.get(upstream, { headers })).data,
};

express()
  .get("/", async (_, response) => {
    const upstreams = [await clients[CLIENT]()];
    response.json({ name, version, ip, lane: null, duration_ms: 0, status: 200, error: null, upstreams });
  })
  .listen(PORT, HOST);
