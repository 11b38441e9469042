import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { parseIpv4 } from "#base/ipv4.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { diskFile, memoryFile, type TftpFile } from "./file.ts";
import { decodePacket, encodePacket, type TftpPacket } from "./packet.ts";
import { serveTftp } from "./server.ts";

const run = promisify(execFile);
const address = parseIpv4("127.0.0.1") ?? ("" as never);
const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);
const withCurl = await run("curl", ["--version"]).then(
  ({ stdout }) => stdout.includes("tftp"),
  () => false,
);

describe("serveTftp", () => {
  let stop: AbortController;
  let port: number;
  let counted: string[];
  let closed: number;
  let folder: string;
  let resolve: (name: string) => Promise<TftpFile | null>;

  const counting = (file: TftpFile): TftpFile => ({
    size: file.size,
    read: (offset, length) => file.read(offset, length),
    [Symbol.asyncDispose]: async () => {
      closed += 1;
      await file[Symbol.asyncDispose]();
    },
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tftp-"));
    await writeFile(join(folder, "disk"), content);
    stop = new AbortController();
    counted = [];
    closed = 0;
    resolve = async (name) => {
      if (name === "memory") return counting(memoryFile(content));
      if (name === "empty") return counting(memoryFile(new Uint8Array(0)));
      if (name === "broken") throw new Error("no view yet");
      return name === "dir/disk" ? counting(await diskFile(join(folder, "disk"))) : null;
    };
    const deps = {
      resolve: (name: string) => resolve(name),
      count: (event: string) => counted.push(event),
      clock: systemClock,
      log: new FakeLog().log,
      maxTransfers: 2,
    };
    const { ports } = await serveTftp([{ address, port: 0 }], deps, stop.signal);
    port = ports[0] ?? 0;
  });
  afterEach(async () => {
    stop.abort();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** A client by hand: sends what it is given to whoever answered last. */
  async function client() {
    const socket = createSocket({ type: "udp4", signal: stop.signal });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    let peer = port;
    return {
      send: (packet: TftpPacket | Uint8Array, to = peer) =>
        socket.send(packet instanceof Uint8Array ? packet : encodePacket(packet), to, "127.0.0.1"),
      receive: async (): Promise<TftpPacket> => {
        const [bytes, from] = await once(socket, "message");
        peer = from.port;
        return decodePacket(bytes);
      },
    };
  }
  const read = (
    name: string,
    options: Record<string, string> = {},
    mode = "octet",
  ): TftpPacket => ({
    kind: "Read",
    name,
    mode,
    options: new Map(Object.entries(options)),
  });

  it.runIf(withCurl).each([
    { name: "memory", options: [] },
    { name: "dir/disk", options: ["--tftp-blksize", "1468"] },
  ])("sends $name to curl, byte for byte", async ({ name, options }) => {
    const out = join(folder, "out");
    await run("curl", ["-sS", ...options, "-o", out, `tftp://127.0.0.1:${port}/${name}`]);
    expect(Buffer.compare(await readFile(out), content)).toBe(0);
    expect([counted, closed]).toEqual([["Read", "Sent"], 1]);
  });

  it("does as OVMF wants: tells the size, is told to stop, then sends by windows", async () => {
    const ovmf = await client();
    ovmf.send(read("memory", { tsize: "0", blksize: "1468" }));
    expect(await ovmf.receive()).toMatchObject({ kind: "OptionAck" });
    ovmf.send({ kind: "Error", code: 8, message: "User aborted" });
    const again = await client();
    again.send(read("memory", { blksize: "1468", windowsize: "4" }));
    expect(await again.receive()).toMatchObject({ kind: "OptionAck" });
    again.send({ kind: "Ack", block: 0 });
    expect(await again.receive()).toMatchObject({ kind: "Data", block: 1 });
    expect(await again.receive()).toMatchObject({ kind: "Data", block: 2 });
    again.send({ kind: "Error", code: 0, message: "" });
  });

  it.each([
    { what: "a file that is not there", packet: read("nothing"), code: 1 },
    { what: "a way out of the folder", packet: read("../disk"), code: 1 },
    { what: "what we cannot find out", packet: read("broken"), code: 0 },
    { what: "netascii", packet: read("memory", {}, "netascii"), code: 4 },
    { what: "a write", packet: { ...read("memory"), kind: "Write" } as TftpPacket, code: 2 },
  ])("refuses $what", async ({ packet, code }) => {
    const asking = await client();
    asking.send(packet);
    expect(await asking.receive()).toMatchObject({ kind: "Error", code });
  });

  it("drops what is malformed, counts it, and serves the next one", async () => {
    const noisy = await client();
    noisy.send(Uint8Array.of(0, 9, 1, 1));
    noisy.send({ kind: "Ack", block: 7 });
    noisy.send(read("empty"));
    expect(await noisy.receive()).toMatchObject({ kind: "Data", block: 1 });
    expect(counted).toEqual(["Malformed", "Unexpected", "Read"]);
  });

  it("begins nothing twice when a request is repeated, and anew when it is another", async () => {
    const forgetful = await client();
    const request = read("memory", { tsize: "0" });
    forgetful.send(request, port);
    await forgetful.receive();
    forgetful.send(request, port);
    forgetful.send(read("empty"), port);
    expect(await forgetful.receive()).toMatchObject({ kind: "Data", block: 1 });
    expect(counted.filter((event) => event !== "Aborted")).toEqual(["Read", "Repeated", "Read"]);
  });

  it("leaves those who are too many to their next try", async () => {
    const clients = await Promise.all([client(), client(), client()]);
    for (const each of clients.slice(0, 2)) {
      each.send(read("memory"));
      await each.receive();
    }
    clients[2]?.send(read("memory"));
    clients[2]?.send(Uint8Array.of(0, 9, 1, 1));
    const bad = await client();
    bad.send({ ...read("x"), kind: "Write" } as TftpPacket);
    await bad.receive(); // by now the third was seen
    expect(counted).toEqual(["Read", "Read", "TooBusy", "Malformed", "ReadOnly"]);
  });
});
