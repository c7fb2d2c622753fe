// Pictures of every kind over HTTP: the right status, and the next request unharmed.
import { storedPosition, swapsAxes } from "@spillway/shared/preprocess/orientation";
import { beforeEach, describe, expect, test } from "vitest";
import { bad, type Decoded, decode, good } from "../image/fixtures.ts";
import { reset, startApp, storeConfig } from "../setup/app.ts";
import { encodePng } from "../setup/png.ts";

const bytes = (picture: Uint8Array) => new Uint8Array(picture);

beforeEach(async () => {
  await reset();
  await storeConfig((config) => {
    config.offload.enabled = false;
  });
});

describe("are classified", () => {
  const names = ["one-pixel.png", "grey.jpg", "type6-8bit.png", "type2-16bit.png", "lossy-alpha.webp", "large.jpg"];

  test.each([...names, "progressive.jpg", "orientation-6.jpg", "animated.png"])("%s", async (name) => {
    const result = await startApp().classify(bytes(good(name)));
    expect(result.label).toBeTypeOf("string");
  });

  test("the same whatever the content type claims", async () => {
    const app = startApp();
    const image = bytes(good("baseline.jpg"));
    const honest = await app.classify(image, "", { "content-type": "image/jpeg" });
    expect((await app.classify(image, "", { "content-type": "image/webp" })).top).toEqual(honest.top);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8] as const)("as a camera showed them: orientation %i", async (orientation) => {
    const photo = good(`orientation-${orientation}.jpg`);
    const { header, rgba } = decode(photo) as Decoded;
    const [width, height] = swapsAxes(orientation) ? [header.height, header.width] : [header.width, header.height];
    const shown = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
      const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
      const [column, row] = storedPosition(orientation, x, y, width, height);
      return rgba[(row * header.width + column) * 4 + (index % 3)];
    });
    const app = startApp();
    const upright = await app.classify(await encodePng(shown, width, height));
    const turned = await app.classify(bytes(photo));
    expect(turned.index).toBe(upright.index);
    expect(turned.confidence).toBeCloseTo(upright.confidence, 5);
  });
});

test.each([
  ["a truncated JPEG", () => good("baseline.jpg").subarray(0, 900), 400, "corrupt-image"],
  ["a truncated PNG", () => good("type2-8bit.png").subarray(0, -30), 400, "corrupt-image"],
  ["a PNG that claims 30000 x 30000", () => bad("bomb.png"), 413, "too-many-pixels"],
  ["a CMYK JPEG", () => bad("cmyk.jpg"), 415, "unsupported-image"],
  ["an animated WebP", () => bad("animated.webp"), 415, "unsupported-image"],
  ["a GIF", () => bad("animation.gif"), 415, "unsupported-image"],
  ["a JPEG with damaged data", () => bad("damaged.jpg"), 400, "corrupt-image"],
])("%s is refused, and the next picture is classified", async (_name, picture, status, reason) => {
  const app = startApp();
  const before = await app.classify(bytes(good("baseline.jpg")));
  const init = { method: "POST", body: bytes(picture()), headers: { "content-type": "image/jpeg" } };
  const response = await app.fetch("/v1/classify", init);
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({ status, reason });
  expect((await app.classify(bytes(good("baseline.jpg")))).top).toEqual(before.top);
});

test("as many pixels as allowed, and one more", async () => {
  await storeConfig((config) => {
    config.offload.enabled = false;
    config.limits.maxPixels = 100;
  });
  const app = startApp();
  expect((await app.classify(await encodePng(new Uint8Array(300), 10, 10))).label).toBeTypeOf("string");
  const body = await encodePng(new Uint8Array(303), 101, 1);
  const response = await app.fetch("/v1/classify", { method: "POST", body, headers: { "content-type": "image/png" } });
  expect(response.status).toBe(413);
});
