import { type IncomingHttpHeaders, type IncomingMessage, request as plain } from "node:http";
import { type Agent, request as secure } from "node:https";

export interface Question {
  readonly url: URL;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** For https. */
  readonly agent?: Agent;
}

/** No whole answer came: no connection, or it broke. Asking again may help. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Sends a request; resolves with the answer's head. @throws {@link Unreachable} */
export function ask(question: Question, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, method = "GET", headers = {}, body, agent } = question;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const options = { method, headers: { ...headers, ...length }, signal };
  return new Promise((resolve, reject) => {
    const sent =
      url.protocol === "https:"
        ? secure(url, agent === undefined ? options : { ...options, agent })
        : plain(url, options);
    sent.once("response", resolve);
    sent.once("error", (cause) => reject(fault(url, cause, signal)));
    sent.end(body);
  });
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A whole exchange; an answer that is longer than `maxBytes` is none. @throws {@link Unreachable} */
export async function exchange(
  question: Question,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await ask(question, signal);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += chunk.length;
      if (length > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw fault(question.url, cause, signal);
  }
  const { statusCode: status = 0, headers } = response;
  return { status, headers, body: Buffer.concat(chunks) };
}

function fault(url: URL, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted && signal.reason?.name !== "TimeoutError") return signal.reason;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Unreachable(`${url.host}${url.pathname}: ${why}`, { cause });
}
