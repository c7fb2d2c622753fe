// GET /metrics, for Prometheus to scrape.
import { Hono } from "hono";
import type { Metrics } from "../telemetry/metrics.ts";

export function metricsRoutes(metrics: Metrics): Hono {
  const routes = new Hono();
  routes.get("/metrics", async (c) => c.body(await metrics.text(), 200, { "Content-Type": metrics.contentType }));
  return routes;
}
