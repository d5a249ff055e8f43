import { connect } from "node:net";
import { once } from "node:events";
import { request } from "node:http";
import { expect, test } from "vitest";
import { serveSeed, smbiosSerial } from "./imds-server.ts";

const files = [
  { name: "user-data", content: Buffer.from("#cloud-config\n") },
  { name: "meta-data", content: Buffer.from("instance-id: one\n") },
];

test("serves the files of a seed, and tells which were fetched", async () => {
  await using imds = await serveSeed(files);
  const base = imds.url("127.0.0.1");
  expect(base).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${imds.port}/[0-9a-f]{32}/$`));
  const userData = await fetch(`${base}user-data`);
  expect(await userData.text()).toBe("#cloud-config\n");
  expect(await (await fetch(`${base}meta-data`)).text()).toBe("instance-id: one\n");
  expect(imds.fetched).toEqual(["user-data", "meta-data"]);
});

test("what the seed has not is there and empty, since cloud-init would ask again and again", async () => {
  await using imds = await serveSeed(files);
  for (const name of ["vendor-data", "network-config"]) {
    const response = await fetch(imds.url("127.0.0.1") + name);
    expect([name, response.status, await response.text()]).toEqual([name, 200, ""]);
  }
});

test.each([
  "",
  "user-data",
  "x/user-data",
  "TOKEN/",
  "TOKEN",
  "TOKEN/etc/passwd",
  "TOKEN/user-data/",
  "TOKEN/user-data?x",
])("nothing is at /%s", async (path) => {
  await using imds = await serveSeed(files);
  const token = new URL(imds.url()).pathname.split("/")[1] ?? "";
  const response = await fetch(`http://127.0.0.1:${imds.port}/${path.replace("TOKEN", token)}`);
  expect(response.status).toBe(404);
  expect(await response.text()).toBe("");
  expect(imds.fetched).toEqual([]);
});

test("a path is taken as it is, and only read", async () => {
  await using imds = await serveSeed(files);
  const token = new URL(imds.url()).pathname.split("/")[1] ?? "";
  for (const [method, path] of [
    ["GET", `/x/../${token}/user-data`],
    ["POST", `/${token}/user-data`],
    ["DELETE", `/${token}/user-data`],
  ]) {
    const sent = request({ port: imds.port, host: "127.0.0.1", method, path }).end();
    const [response] = (await once(sent, "response")) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect([method, response.statusCode]).toEqual([method, 404]);
  }
});

test("two seeds have paths of their own", async () => {
  await using one = await serveSeed(files);
  await using other = await serveSeed(files);
  expect(new URL(one.url()).pathname).not.toBe(new URL(other.url()).pathname);
});

test("ends its connections when it is disposed", async () => {
  const imds = await serveSeed(files);
  const socket = connect(imds.port, "127.0.0.1");
  await once(socket, "connect");
  const closed = once(socket, "close");
  socket.on("error", () => {});
  await imds[Symbol.asyncDispose]();
  await closed;
  await expect(fetch(imds.url("127.0.0.1"))).rejects.toThrow("fetch failed");
});

test("the serial number that leads cloud-init to it", () => {
  expect(smbiosSerial("http://10.0.2.2:8000/token/")).toBe(
    "ds=nocloud;s=http://10.0.2.2:8000/token/;dsmode=net",
  );
});
