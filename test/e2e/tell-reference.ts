/** Prints ours beside the reference, which it measures where today nobody did. Never fails. */
import { minutes } from "#base/duration.ts";
import { reference } from "./reference.ts";

/** Its first run builds two images; what takes longer hangs. */
const PATIENCE = minutes(25);

console.log(await reference("once", AbortSignal.timeout(PATIENCE)));
