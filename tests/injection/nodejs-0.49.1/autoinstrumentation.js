// What the entry of autoinstrumentation-nodejs 0.49.1 starts, but for its resource detectors, which
// ask clouds for their metadata.
const { getNodeAutoInstrumentations } = require("@opentelemetry/auto-instrumentations-node");
const { OTLPMetricExporter } = require("@opentelemetry/exporter-metrics-otlp-grpc");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-grpc");
const { PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { NodeSDK } = require("@opentelemetry/sdk-node");

const measured = process.env.OTEL_METRICS_EXPORTER !== "none";
new NodeSDK({
  instrumentations: [getNodeAutoInstrumentations()],
  resourceDetectors: [],
  traceExporter: new OTLPTraceExporter(),
  metricReader: measured ? new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() }) : undefined,
}).start();
