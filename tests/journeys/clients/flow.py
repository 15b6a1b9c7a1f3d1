"""Logs in, lists products, places an order and reads a refusal with the client that openapi-generator made."""

import json
import os
import uuid

import openapi_client as generated

SKU = os.environ["SKU"]
credentials = generated.LogInBody.from_dict(json.loads(os.environ["CREDENTIALS"]))
configuration = generated.Configuration(host=os.environ["GATEWAY"])
client = generated.ApiClient(configuration)

configuration.access_token = generated.AuthApi(client).auth_admit_login(credentials).access_token

catalog = generated.CatalogApi(client)
[product] = catalog.catalog_list_products(where="status:eq:active").items
assert product.status == generated.ProductStatus.ACTIVE, product
[shown] = catalog.catalog_list_shop_products(credentials.organisation, sort="-price_from").items
assert shown.title == product.title, shown


def place(sku):
    order = generated.PlaceOrderBody(lines=[generated.LineBody(sku=sku, quantity=1)])
    shop = generated.OrderApi(client)
    return shop.order_place_order(credentials.organisation, str(uuid.uuid4()), order, prefer="wait=30")


placed = place(SKU)
assert placed.status == generated.Status.CONFIRMED, placed

try:
    raise SystemExit(f"an unknown SKU was sold: {place('NO-SUCH-SKU')}")
except generated.ApiException as refusal:
    assert refusal.status == 422, refusal
    assert refusal.data.type == "/problems/unsellable-lines", refusal
