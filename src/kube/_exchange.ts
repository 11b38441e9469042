import type { Dispatcher } from "undici";

export interface Answer {
  readonly code: number;
  readonly retryAfter: unknown;
  readonly text: string;
}

/**
 * One request and its whole answer. Straight on undici's dispatcher: its `request` makes a stream of
 * each answer, which costs twice the CPU. Rejects with the signal's reason or undici's error.
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Buffer[] = [];
  let head = { code: 0, retryAfter: undefined as unknown };
  let stop = (): void => reject(signal.reason); // until it is sent
  const onAbort = (): void => stop();
  signal.addEventListener("abort", onAbort, { once: true });
  dispatcher.dispatch(options, {
    onRequestStart: (controller) => {
      stop = () => {
        controller.abort(signal.reason);
        reject(signal.reason);
      };
      if (signal.aborted) stop();
    },
    onResponseStart: (_, code, headers) => {
      head = { code, retryAfter: headers["retry-after"] };
    },
    onResponseData: (_, chunk) => {
      chunks.push(chunk);
    },
    onResponseEnd: () => {
      const [only, ...more] = chunks;
      const body = only !== undefined && more.length === 0 ? only : Buffer.concat(chunks);
      resolve({ ...head, text: body.toString("utf8") });
    },
    onResponseError: (_, error) => reject(error),
  });
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}
