import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { ROOT } from "./install.ts";

const LONG = 400_000; // the programs of a whole data centre start

/** The command as a person types it, with nothing on stdin and no terminal. */
async function demo(...options: string[]): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [join(ROOT, "tools/commands/demo.mjs"), ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return { code: Number(code), said };
}

it("shows simulated machines of two zones from applied to Deployed, and ends", {
  timeout: LONG,
}, async () => {
  const { code, said } = await demo("--sim", "--once", "--machines", "4", "--speed", "100");
  expect(said).toMatch(/KUBECONFIG=\S+ \S+kubectl get mach -A -w/);
  for (const phase of ["Commissioning", "Deploying", "Deployed"]) expect(said).toContain(phase);
  const last = said.trimEnd().split("\n").slice(-6);
  expect(last[0]).toMatch(/^MACHINE +ZONE +PHASE +REASON +PROGRESS +POWER +TIME$/);
  expect(last.slice(1, 5).map((line) => line.split(/ +/).slice(1, 3))).toEqual([
    ["east", "Deployed"],
    ["east", "Deployed"],
    ["west", "Deployed"],
    ["west", "Deployed"],
  ]);
  expect(last[5]).toMatch(/^4 of 4 Deployed · \d+ s$/);
  expect(code).toBe(0);
});

it("fails when they are not Deployed in time", { timeout: LONG }, async () => {
  const options = ["--machines", "1", "--speed", "1", "--limit", "1"];
  const { code, said } = await demo("--sim", "--once", ...options);
  expect(said).toContain("0 of 1 Deployed");
  expect(code).toBe(1);
});
