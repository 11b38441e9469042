import type { Edit, MachineView } from "./admin.ts";

/** The other side of the admin HTTP, for tests and benches in another process than the fleet. */
export class AdminClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** PEM, of the CA that signed the BMCs' certificates. */
  async ca(signal: AbortSignal): Promise<string> {
    const { certificate } = (await this.#ask("/ca", signal)) as { certificate: string };
    return certificate;
  }

  async machines(signal: AbortSignal): Promise<readonly MachineView[]> {
    return (await this.#ask("/machines", signal)) as readonly MachineView[];
  }

  async machine(name: string, signal: AbortSignal): Promise<MachineView> {
    return (await this.#ask(`/machines/${name}`, signal)) as MachineView;
  }

  async edit(name: string, edit: Edit, signal: AbortSignal): Promise<MachineView> {
    return (await this.#ask(`/machines/${name}`, signal, edit)) as MachineView;
  }

  async swap(one: string, other: string, signal: AbortSignal): Promise<void> {
    await this.#ask("/swap", signal, { one, other });
  }

  async #ask(path: string, signal: AbortSignal, body?: object): Promise<unknown> {
    const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(this.#url + path, { ...post, signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text.trim()}`);
    return JSON.parse(text);
  }
}
