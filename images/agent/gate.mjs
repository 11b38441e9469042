// Imported before the agent: loads what it will need, then waits until init says that the machine has its
// devices and its address. So Node starts while the kernel discovers the machine.
import "node:child_process";
import "node:crypto";
import "node:http";
import "node:https";
import "node:stream/promises";
import "node:zlib";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

while (!existsSync("/run/steelyard/ready")) await sleep(20);
