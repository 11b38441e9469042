import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A TCP connection through here can be cut, or stand still with both ends none the wiser. */
export class Wire implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: "open" | "cut" | "held" = "open";

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer((near) => {
      if (this.#state === "cut") return near.destroy();
      if (this.#state === "held") return this.#keep(near, near);
      const far = connect(target);
      near.pipe(far);
      far.pipe(near);
      for (const socket of [near, far]) this.#keep(socket, socket === near ? far : near);
      return undefined;
    });
  }

  static async to(url: string): Promise<Wire> {
    const { hostname: host, port } = new URL(url);
    const wire = new Wire({ host, port: Number(port) });
    await new Promise<void>((resolve) => wire.#server.listen(0, "127.0.0.1", resolve));
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks all connections; no new one is let through until {@link mend}. */
  cut(): void {
    this.#state = "cut";
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing comes through, and nobody is told: connections of now and new ones stand still. */
  hold(): void {
    this.#state = "held";
    this.freeze();
  }

  /** Lets new connections through. Those that stood still are broken. */
  mend(): void {
    if (this.#state === "held") this.cut();
    this.#state = "open";
  }

  /** The connections of now go dead without a word, as behind a firewall that lost its state. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
