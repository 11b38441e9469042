import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { noAnswer } from "#kube/client.ts";

/** No new error each time, with its stack, that nobody looks at. */
const DONE = new Error("done");

const noAnswerWithin = (time: Duration): Error =>
  noAnswer(`the API server did not answer within ${time} ms`);

/**
 * Runs `work`, and gives it up after `time` with the error `late`: by default as if no answer had
 * come from the API server.
 */
export async function within<T>(
  time: Duration,
  work: (signal: AbortSignal) => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
  late: (time: Duration) => Error = noAnswerWithin,
): Promise<T> {
  const end = new AbortController();
  clock.sleep(time, AbortSignal.any([signal, end.signal])).then(
    () => end.abort(late(time)),
    () => undefined, // it ended before, or the process does
  );
  try {
    return await work(AbortSignal.any([signal, end.signal]));
  } finally {
    end.abort(DONE);
  }
}
