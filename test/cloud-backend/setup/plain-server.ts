// An entry: the backend's HTTP server with one route behind it, in a process of its own. Says where it listens.
import { Hono } from "hono";
import { createHttpServer } from "../../../cloud-backend/src/http-server.ts";
import { listen } from "../../../cloud-backend/src/listener.ts";

const app = new Hono().get("/ping", () => new Response(null, { status: 200 }));
const listener = await listen(createHttpServer(app.fetch), 0, "127.0.0.1");
if (!listener.ok) throw new Error(listener.error);
console.log(listener.value.url);
