import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { parseIpv4 } from "#base/ipv4.ts";
import { openUdp } from "./udp.ts";

const loopback = parseIpv4("127.0.0.1") as NonNullable<ReturnType<typeof parseIpv4>>;
const plain = { address: loopback, port: 0, broadcast: false, reuse: false };
const root = process.getuid?.() === 0;

describe("openUdp", () => {
  it.each([
    { name: "without a device", options: plain },
    ...(root
      ? [{ name: "on a device", options: { ...plain, device: "lo", broadcast: true } }]
      : []),
  ])("receives and sends $name", async ({ options }) => {
    const stop = new AbortController();
    const server = await openUdp(options, stop.signal);
    const client = await openUdp(plain, stop.signal);
    const received = once(server, "message");
    client.send("hello", server.address().port, "127.0.0.1");
    const [message] = await received;
    expect(String(message)).toBe("hello");
    const closed = [once(server, "close"), once(client, "close")];
    stop.abort();
    await Promise.all(closed);
  });

  it("rejects with the system's error when the port is taken", async () => {
    const stop = new AbortController();
    const first = await openUdp(plain, stop.signal);
    const again = openUdp({ ...plain, port: first.address().port }, stop.signal);
    await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" });
    stop.abort();
  });

  it.runIf(root)("rejects a device that is not there", async () => {
    const opened = openUdp({ ...plain, device: "nosuch0" }, AbortSignal.timeout(5_000));
    await expect(opened).rejects.toMatchObject({ code: "ENODEV" });
  });

  it("rejects a name that cannot be a device", async () => {
    const opened = openUdp({ ...plain, device: "a/b" }, AbortSignal.timeout(5_000));
    await expect(opened).rejects.toThrow("no device name");
  });
});
