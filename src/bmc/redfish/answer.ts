import { z } from "zod";
import { type Duration, seconds } from "#base/duration.ts";
import { Failure, type FailureReason } from "#base/failure.ts";
import type { Answer } from "./transport.ts";

const Message = z.looseObject({
  MessageId: z.string().catch(""),
  Message: z.string().catch(""),
});
/** DSP0266 section 8.6, "Error responses". Some send one message where a list should be. */
const ErrorBody = z.looseObject({
  error: z.looseObject({
    message: z.string().optional().catch(undefined),
    "@Message.ExtendedInfo": z
      .union([z.array(Message), Message.transform((one) => [one])])
      .catch([]),
  }),
});

/** Message ids that say "not now", whatever the status: during POST, tables full, starting up. */
const NOT_NOW =
  /UnableToModifyDuringSystemPOST|InvalidOperationForSystemState|ServiceTemporarilyUnavailable|ServiceShuttingDown|ServiceInUnknownState|ResourceInUse|ResourceInStandby|SessionLimitExceeded|ActionParameterValueConflict|SYS518|RAC0218/;
const BAD_LOGIN = /Unauthori[sz]ed|InvalidCredential|InvalidAuthToken|NoValidSession/;

const BY_STATUS: Readonly<Record<number, FailureReason>> = {
  401: "BmcCredentialsRejected",
  403: "BmcCredentialsRejected",
  404: "BmcProtocolViolation",
  408: "BmcBusy",
  409: "BmcBusy",
  423: "BmcBusy",
  429: "BmcBusy",
  502: "BmcBusy",
  503: "BmcBusy",
  504: "BmcBusy",
  507: "BmcBusy",
};

export const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300;

/** What an answer with an error status means. An empty body is as much an error as a full one. */
export function failureOf(what: string, answer: Answer): Failure {
  const { ids, text } = messagesOf(answer.text);
  const retryAfter = retryAfterOf(answer);
  const message = `${what}: ${answer.status}${text === "" ? "" : `, ${text}`}`;
  return new Failure(
    reasonFor(answer.status, ids),
    message,
    retryAfter === null ? {} : { retryAfter },
  );
}

export const saysNoRoom = (answer: Answer): boolean =>
  /SessionLimitExceeded|RAC0218/.test(messagesOf(answer.text).ids);

/** The Retry-After header where it counts seconds (RFC 9110 section 10.2.3); dates are not used. */
export function retryAfterOf({ headers }: Answer): Duration | null {
  const text = headers.get("retry-after") ?? "";
  return /^\d{1,5}$/.test(text) ? seconds(Number(text)) : null;
}

/** The body as an object; `{}` where a write was answered without one. */
export function objectOf(what: string, answer: Answer): object {
  if (answer.text.trim() === "") return {};
  const parsed = parse(answer.text);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new Failure("BmcProtocolViolation", `${what}: the answer is no JSON object`);
}

function reasonFor(status: number, ids: string): FailureReason {
  if (NOT_NOW.test(ids)) return "BmcBusy";
  if (BAD_LOGIN.test(ids)) return "BmcCredentialsRejected";
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  const refused = (status >= 400 && status < 500) || status === 501;
  return refused ? "BmcUnsupported" : "BmcProtocolViolation";
}

/** Ids as one text to search, and what a person should read, cut to a sentence or two. */
function messagesOf(text: string): { readonly ids: string; readonly text: string } {
  const parsed = ErrorBody.safeParse(parse(text));
  if (!parsed.success) return { ids: "", text: "" };
  const { message = "", "@Message.ExtendedInfo": infos } = parsed.data.error;
  const said = infos.map((info) => info.Message || info.MessageId).filter((one) => one !== "");
  return {
    ids: infos.map((info) => info.MessageId).join(" "),
    text: (said.length > 0 ? said.join(" ") : message).slice(0, 300),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
