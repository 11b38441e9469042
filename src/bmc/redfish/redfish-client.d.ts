/**
 * The part of redfish-client 0.5.4 that we build on. Its own declarations do not resolve under
 * `module: nodenext`. The base class is not exported; this subclass adds only what is never called.
 */
declare module "redfish-client" {
  interface Logger {
    child(bindings: object): Logger;
    debug(...args: unknown[]): void;
    info(...args: unknown[]): void;
    warn(...args: unknown[]): void;
    error(...args: unknown[]): void;
  }

  export class iDRACRedfishClient {
    readonly name: string;
    protected baseUrl: string;
    protected systemInfos: Record<string, unknown>;
    constructor(host: string, username: string, password: string, logger: Logger);
    /** Every other call goes through this one. */
    protected customFetch<T>(
      url: string,
      init?: RequestInit,
      withSessionToken?: boolean,
    ): Promise<{ data: T; headers: Headers }>;
    getSessionToken(): Promise<string>;
    closeSession(): Promise<void>;
    getAvailableSystemIds(): Promise<string[]>;
    getDefaultSystemId(): Promise<string>;
    /** The resource as it came, with its ETag header added as `Etag` ("" if there was none). */
    getSystemInfo(systemId?: string, refresh?: boolean): Promise<object>;
    getSystemPowerState(systemId?: string): Promise<string>;
  }
}
