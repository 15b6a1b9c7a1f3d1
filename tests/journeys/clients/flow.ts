// Logs in, lists products, places an order and reads a refusal, typed by what openapi-typescript made of the document.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const { GATEWAY = "", CREDENTIALS = "", SKU = "" } = process.env;
const credentials: components["schemas"]["LogInBody"] = JSON.parse(CREDENTIALS);
const organisation = credentials.organisation ?? "";

const shopper = createClient<paths>({ baseUrl: GATEWAY });
const { data: token, error: notLoggedIn } = await shopper.POST("/auth/v1/login", { body: credentials });
assert(token, notLoggedIn?.title);

const owner = createClient<paths>({ baseUrl: GATEWAY, headers: { Authorization: `Bearer ${token.access_token}` } });
const active: components["schemas"]["ProductStatus"] = "active";
const { data: products } = await owner.GET("/admin/v1/products", { params: { query: { where: `status:eq:${active}` } } });
assert.equal(products?.items.length, 1);
assert.equal(products.items[0]?.status, active);
const inShop = { path: { organisation }, query: { sort: "-price_from" } };
const { data: shown } = await shopper.GET("/store/v1/{organisation}/products", { params: inShop });
assert.equal(shown?.items[0]?.title, products.items[0]?.title);

async function place(sku: string) {
    const header = { "Idempotency-Key": randomUUID(), Prefer: "wait=30" };
    const body = { lines: [{ sku, quantity: 1 }] };
    return shopper.POST("/store/v1/{organisation}/orders", { params: { path: { organisation }, header }, body });
}
const { data: placed, error: refused } = await place(SKU);
assert(placed, refused?.title);
assert.equal(placed.status, "confirmed");

const { data: taken, error: refusal, response } = await place("NO-SUCH-SKU");
assert.equal(taken, undefined);
assert.equal(response.status, 422);
assert.equal(refusal?.type, "/problems/unsellable-lines");
