import { inspect } from "node:util";

/** A BMC's account. Whatever prints it prints no password. */
export class Credentials {
  readonly username: string;
  readonly #password: string;

  constructor(username: string, password: string) {
    this.username = username;
    this.#password = password;
  }

  /** The password in clear: for the login request, and for nothing else. */
  reveal(): string {
    return this.#password;
  }

  toJSON(): string {
    return "***";
  }

  toString(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "Credentials ***";
  }
}
