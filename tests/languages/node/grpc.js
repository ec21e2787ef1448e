// A service by gRPC in Node: grpc-js. OpenTelemetry comes by --require.
// Messages are JSON without a schema.
const grpc = require("@grpc/grpc-js");

const { app: name, version, STOCK, HOST, PORT } = process.env;
const asItIs = (message) => message;

const Answer = {
  path: "/shop.Shop/Answer",
  requestStream: false,
  responseStream: false,
  requestSerialize: asItIs,
  requestDeserialize: asItIs,
  responseSerialize: asItIs,
  responseDeserialize: asItIs,
};
const Shop = grpc.makeGenericClientConstructor({ Answer }, "Shop");
const stock = new Shop(STOCK, grpc.credentials.createInsecure());

const answer = (call, done) =>
  stock.Answer(call.request, (error, behind) => {
    if (error) return done(error);
    done(null, Buffer.from(JSON.stringify({ name, version, upstreams: [JSON.parse(behind)] })));
  });

const server = new grpc.Server();
server.addService({ Answer }, { Answer: answer });
server.bindAsync(`${HOST}:${PORT}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
