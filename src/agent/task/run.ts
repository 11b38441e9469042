import { TaskError } from "#agent/task-error.ts";
import type { Order } from "#api/agent.ts";
import { commission } from "./commission.ts";
import type { TaskProgram } from "./context.ts";
import { deploy } from "./deploy.ts";
import { erase } from "./erase.ts";
import { rescue } from "./rescue.ts";

const PROGRAMS: Readonly<Record<Order["type"], TaskProgram>> = {
  Commission: commission,
  Test: commission, // the tests of a HardwareProfile come with that kind
  Deploy: deploy,
  Erase: erase,
  Rescue: rescue,
  Firmware: () => Promise.reject(new TaskError("OrderInvalid", "this agent updates no firmware")),
};

export const runTask: TaskProgram = (order, context, signal) => {
  const program = (PROGRAMS as Readonly<Record<string, TaskProgram>>)[order.type];
  const unknown = new TaskError("OrderInvalid", `this agent knows no task of type ${order.type}`);
  return program === undefined ? Promise.reject(unknown) : program(order, context, signal);
};
